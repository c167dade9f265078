"""The durable inbox: an event is answered 2xx only once it is on the disk.

Request threads hand in what they verified and wait. One writer takes whatever has
gathered while it wrote, in one transaction, so that sixteen callers cost one fsync;
there is no timer, and a lone event waits for nobody.
"""

import logging
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import Engine, Executable, update
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
# How exact "last event received" is; it would cost a third of a small batch's time.
HEARD_EVERY = timedelta(seconds=1)


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
    hints: dict[str, str | int] | None = None


class NotStored(Exception):
    """The event is not known to be on the disk: Stripe has to send it again."""


class InboxFull(NotStored):
    """More is waiting to be written than we promise to hold."""


class _Waiting:
    """One arrival, and the lock on which its caller sleeps: woken one by one, callers
    do not fight for a lock that they share."""

    __slots__ = ("arrival", "is_stored", "since", "turn")

    def __init__(self, arrival: Arrival) -> None:
        self.arrival = arrival
        self.is_stored = False
        self.since = time.monotonic()
        self.turn = threading.Lock()
        self.turn.acquire()


class Inbox:
    """One per application; its writer starts with the first event."""

    def __init__(self, app: Flask, *, room: int = ROOM) -> None:
        self._app = app
        self._room = room
        self._gate = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._writer: threading.Thread | None = None
        self._closed = False
        self._heard_at: dict[int, datetime] = {}
        self._longest = 0.0
        # Set whenever something was stored that may want handling.
        self.arrived = threading.Event()

    def __len__(self) -> int:
        """How many events wait for the writer's next turn."""
        return len(self._waiting)

    def keep(self, arrival: Arrival) -> None:
        """Return once the event is durable; a repeat is there already, and stays one.

        Raises NotStored when that is not certain.
        """
        waiting = self._join(arrival)
        if not waiting.turn.acquire(timeout=PATIENCE) or not waiting.is_stored:
            raise NotStored(arrival.stripe_event_id)

    def longest_wait(self) -> float:
        """Seconds that an event waited for the disk at most, since this was asked
        last; 0 when none came."""
        longest, self._longest = self._longest, 0.0
        return longest

    def close(self) -> None:
        """Write what is waiting, refuse what comes after, end the writer."""
        with self._gate:
            self._closed = True
            self._gate.notify()
        if self._writer:
            self._writer.join(PATIENCE)

    def _join(self, arrival: Arrival) -> _Waiting:
        waiting = _Waiting(arrival)
        with self._gate:
            if self._closed:
                raise NotStored("the inbox is closed")
            if len(self._waiting) >= self._room:
                raise InboxFull(f"{self._room} events wait to be written")
            self._waiting.append(waiting)
            if self._writer is None:
                self._writer = threading.Thread(
                    target=self._write_batches, name="inbox", daemon=True
                )
                self._writer.start()
            self._gate.notify()
        return waiting

    def _write_batches(self) -> None:
        goes_first.set(True)
        with self._app.app_context():
            engine = db.engines["writer"]
        while batch := self._next_batch():
            try:
                self._write(engine, [one.arrival for one in batch])
            except Exception:
                log.exception("%s events were not stored", len(batch))
            else:
                self.arrived.set()
                for one in batch:
                    one.is_stored = True
            # Without the gate, for which callers wait: one wait less would be told.
            self._longest = max(self._longest, time.monotonic() - batch[0].since)
            for one in batch:
                one.turn.release()

    def _next_batch(self) -> list[_Waiting]:
        """Whatever has gathered; nothing once closed and written."""
        with self._gate:
            while not (self._waiting or self._closed):
                self._gate.wait()
            batch, self._waiting = self._waiting, []
            return batch

    def _write(self, engine: Engine, arrivals: list[Arrival]) -> None:
        # In one order everywhere: two processes that write the same events in opposite
        # orders would wait for each other.
        arrivals.sort(key=lambda arrival: arrival.stripe_event_id)
        heard = self._newly_heard(arrivals)
        with engine.begin() as connection:
            connection.execute(
                _insert(engine.dialect.name), [_row(arrival) for arrival in arrivals]
            )
            for account_id in sorted(heard):
                connection.execute(
                    update(StripeAccount)
                    .where(StripeAccount.id == account_id)
                    .values(last_event_at=heard[account_id])
                )
        self._heard_at.update(heard)

    def _newly_heard(self, arrivals: list[Arrival]) -> dict[int, datetime]:
        """The accounts whose last event is worth noting again, and its time."""
        latest = {
            a.account_id: a.received_at
            for a in arrivals
            if a.account_id and a.type != OUR_TEST
        }
        return {
            id: at
            for id, at in latest.items()
            if not (id in self._heard_at and at - self._heard_at[id] < HEARD_EVERY)
        }


def _insert(dialect: str) -> Executable:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(StripeEvent).on_conflict_do_nothing(
        index_elements=["stripe_event_id"]
    )


def _row(arrival: Arrival) -> dict[str, Any]:
    return {
        "stripe_event_id": arrival.stripe_event_id,
        "account_id": arrival.account_id,
        "type": arrival.type,
        "object_id": arrival.object_id,
        "livemode": arrival.livemode,
        "payload": arrival.payload,
        "occurred_at": arrival.occurred_at,
        "received_at": arrival.received_at,
        "try_at": arrival.received_at,
        "tries": 0,
        "status": arrival.status,
        "note": arrival.note,
        "hints": arrival.hints,
    }
