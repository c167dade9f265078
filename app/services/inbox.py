"""The durable inbox: an event is answered 2xx only once it is on the disk.

Request threads hand in what they verified and wait. One writer takes whatever has
gathered while it wrote, in one transaction, so that sixteen callers cost one fsync;
there is no timer, and a lone event waits for nobody.
"""

import logging
import threading
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from flask import Flask
from sqlalchemy import Connection, Engine, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.account import EventStatus
from app.domain.event_types import OUR_TEST
from app.extensions import db
from app.storage.line import goes_first
from app.storage.models import StripeAccount, StripeEvent

log = logging.getLogger(__name__)

# More than any server here has request threads; each holds at most 1 MB.
ROOM = 512
# Seconds. Stripe publishes no limit for an answer; 10 to 30 s circulate. What is
# written after we gave up waiting is a repeat when Stripe sends it again.
PATIENCE = 9.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A verified event, ready to be kept: a row of stripe_event."""

    stripe_event_id: str
    account_id: int | None
    type: str
    object_id: str | None
    livemode: bool
    payload: str
    occurred_at: datetime
    received_at: datetime
    status: EventStatus
    note: str | None = None


class Kept(StrEnum):
    """What the inbox did with an arrival."""

    STORED = "stored"
    REPEATED = "repeated"  # it was there already


class NotStored(Exception):
    """The event is not known to be on the disk: Stripe has to send it again."""


class InboxFull(NotStored):
    """More is waiting to be written than we promise to hold."""


@dataclass(slots=True)
class _Batch:
    arrivals: list[Arrival] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)
    fresh: set[str] = field(default_factory=set)
    stored: bool = False


class Inbox:
    """One per application; its writer starts with the first event."""

    def __init__(self, app: Flask, *, room: int = ROOM) -> None:
        self._app = app
        self._room = room
        self._gate = threading.Condition()
        self._batch = _Batch()
        self._writer: threading.Thread | None = None
        self._closed = False
        # Set whenever something was stored that wants handling.
        self.arrived = threading.Event()

    @property
    def waiting(self) -> int:
        """How many events wait for the writer's next turn."""
        return len(self._batch.arrivals)

    def keep(self, arrival: Arrival) -> Kept:
        """Return once the event is durable; NotStored when that is not certain."""
        batch = self._join(arrival)
        if not batch.done.wait(PATIENCE) or not batch.stored:
            raise NotStored(arrival.stripe_event_id)
        is_new = arrival.stripe_event_id in batch.fresh
        return Kept.STORED if is_new else Kept.REPEATED

    def close(self) -> None:
        """Write what is waiting, refuse what comes after, end the writer."""
        with self._gate:
            self._closed = True
            self._gate.notify()
        if self._writer:
            self._writer.join(PATIENCE)

    def _join(self, arrival: Arrival) -> _Batch:
        with self._gate:
            if self._closed:
                raise NotStored("the inbox is closed")
            if len(self._batch.arrivals) >= self._room:
                raise InboxFull(f"{self._room} events wait to be written")
            self._batch.arrivals.append(arrival)
            if self._writer is None:
                self._writer = threading.Thread(
                    target=self._write_batches, name="inbox", daemon=True
                )
                self._writer.start()
            self._gate.notify()
            return self._batch

    def _write_batches(self) -> None:
        goes_first.set(True)
        with self._app.app_context():
            engine = db.engines["writer"]
        while batch := self._next_batch():
            try:
                batch.fresh = _write(engine, batch.arrivals)
                batch.stored = True
            except Exception:
                log.exception("%s events were not stored", len(batch.arrivals))
            if batch.fresh:
                self.arrived.set()
            batch.done.set()

    def _next_batch(self) -> _Batch | None:
        with self._gate:
            while not self._batch.arrivals:
                if self._closed:
                    return None
                self._gate.wait()
            batch, self._batch = self._batch, _Batch()
            return batch


def _write(engine: Engine, arrivals: list[Arrival]) -> set[str]:
    """Commit `arrivals`; the event ids that were not there before."""
    # In one order everywhere: two processes that write the same events in opposite
    # orders would wait for each other.
    rows = sorted((asdict(a) for a in arrivals), key=lambda row: row["stripe_event_id"])
    for row in rows:
        row["try_at"] = row["received_at"]
        row["tries"] = 0
    with engine.begin() as connection:
        fresh = _insert(connection, rows)
        _touch_accounts(connection, arrivals)
    return fresh


def _insert(connection: Connection, rows: list[dict[str, Any]]) -> set[str]:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(StripeEvent)
        .on_conflict_do_nothing(index_elements=["stripe_event_id"])
        .returning(StripeEvent.stripe_event_id)
    )
    return set(connection.scalars(statement, rows))


def _touch_accounts(connection: Connection, arrivals: list[Arrival]) -> None:
    latest = {
        a.account_id: a.received_at
        for a in arrivals
        if a.account_id is not None and a.type != OUR_TEST
    }
    if latest:
        connection.execute(
            update(StripeAccount)
            .where(StripeAccount.id == bindparam("account"))
            .values(last_event_at=bindparam("at")),
            [{"account": id, "at": latest[id]} for id in sorted(latest)],
        )
