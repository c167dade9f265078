"""Handling stored events: each asks for a look at Stripe, and many for the same one.

One thread (whoever calls `round`) owns the database; the pool's threads do the looks.
Nothing here waits for the slowest: events arrive, start and end independently, and an
account that does not answer holds up nobody but itself.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from flask import Flask, current_app
from sqlalchemy.orm import Session

from app.domain.declines import MadeBy
from app.domain.errands import Errand, errand_of, made_by, wait_after
from app.domain.event_types import LookAt
from app.domain.snapshots import EventEnvelope
from app.services import cards, invoices, leaving, subscriptions
from app.services.connections import NotConnected, gateway_of, sealed_key_of
from app.services.one_object import is_alone, sentence_of
from app.services.troubles import note_trouble
from app.storage import event_queue
from app.storage.event_queue import Pending, Settled
from app.storage.transaction import reading, transaction
from app.stripe_gateway import (
    CredentialsRefused,
    NotAnEvent,
    PermissionMissing,
    RateLimited,
    Refused,
    StripeTrouble,
    StripeUnavailable,
    reopened,
)
from app.vault import SecretUnreadable

log = logging.getLogger(__name__)

# A look makes two or three calls of about 0.3 s: this many threads make 40 looks a
# second, below Stripe's limit of 100 calls a second for one live account.
THREADS = 32
# One account that does not answer leaves threads to the others.
THREADS_OF_ONE_ACCOUNT = 24
# Where Stripe gave one no answer at all, one look finds out whether it does again.
THREADS_OF_A_SILENT_ACCOUNT = 1
# Events of one account taken at a time; enough to see which ask for the same look.
IN_HAND = 200
# A call that nobody answered is not repeated at once by fifty other events.
HOLD_WITHOUT_ANSWER = timedelta(seconds=30)
HOLD_WHEN_TOO_FAST = timedelta(seconds=5)
LONGEST_LOOK = 300.0  # seconds; every look ends, well or not
OWNER_MUST_ACT = (CredentialsRefused, PermissionMissing, NotConnected, SecretUnreadable)
EXPECTED = (StripeTrouble, NotConnected, SecretUnreadable)


@dataclass(slots=True)
class _Asked:
    """The events that one look answers."""

    events: list[Pending] = field(default_factory=list)
    newest_made_by: MadeBy | None = None


@dataclass(slots=True)
class _Lane:
    """What is in hand for one account."""

    waiting: dict[Errand, _Asked] = field(default_factory=dict)
    running: dict[Errand, _Asked] = field(default_factory=dict)
    is_silent: bool = False  # Stripe did not answer it, whatever was asked

    @property
    def in_hand(self) -> set[int]:
        asked = (*self.waiting.values(), *self.running.values())
        return {event.id for one in asked for event in one.events}


class Handler:
    """Takes pending events, does the looks they ask for, and writes what came of it."""

    def __init__(
        self, app: Flask, *, clock: Callable[[], datetime], wake: threading.Event
    ) -> None:
        self.handled = 0
        self._app = app
        self._clock = clock
        self._wake = wake
        self._lanes: dict[int, _Lane] = {}
        self._done: SimpleQueue[tuple[Errand, Exception | None, str | None]] = (
            SimpleQueue()
        )
        self._settled: list[Settled] = []
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="look")

    def round(self) -> bool:
        """Take, start and settle what can be; whether there was anything to take."""
        now = self._clock()
        self._collect(now=now)
        self._write(now=now)  # before taking: what is not written would be taken again
        took = self._take(now=now)
        self._start()
        self._write(now=now)
        return took

    @property
    def is_looking(self) -> bool:
        """Whether any look is under way."""
        return any(lane.running for lane in self._lanes.values())

    def close(self) -> None:
        """End the threads once their looks have ended, and write those down."""
        self._pool.shutdown(cancel_futures=True)
        now = self._clock()
        self._collect(now=now)
        self._write(now=now)

    def _take(self, *, now: datetime) -> bool:
        with reading() as session:
            accounts = event_queue.accounts_with_pending(session, now=now)
            took = [self._take_of(session, id, now=now) for id in accounts]
        return any(took)

    def _take_of(self, session: Session, account_id: int, *, now: datetime) -> bool:
        lane = self._lanes.setdefault(account_id, _Lane())
        in_hand = lane.in_hand
        if len(in_hand) >= IN_HAND:
            return False
        events = event_queue.pending(
            session, account_id, now=now, limit=IN_HAND, except_for=in_hand
        )
        told = [_told(event) for event in events]
        known = event_queue.known_among(session, account_id, told, now=now)
        for event, envelope in zip(events, told, strict=True):
            errand = errand_of(account_id, envelope, known)
            if isinstance(errand, str):
                self._settled.append(Settled(event.id, event.tries, errand))
                continue
            asked = lane.waiting.setdefault(errand, _Asked())
            asked.events.append(event)
            charged_by = made_by(envelope, known)
            asked.newest_made_by = charged_by or asked.newest_made_by
        return bool(events)

    def _start(self) -> None:
        """Start what waits. What is being looked at right now is looked at once more
        afterwards: the news may have come too late for the look under way."""
        for lane in self._lanes.values():
            most = THREADS_OF_ONE_ACCOUNT
            if lane.is_silent:
                most = THREADS_OF_A_SILENT_ACCOUNT
            free = most - len(lane.running)
            ready = [errand for errand in lane.waiting if errand not in lane.running]
            for errand in ready[: max(0, free)]:
                asked = lane.running[errand] = lane.waiting.pop(errand)
                self._pool.submit(self._run, errand, asked.newest_made_by)

    def _run(self, errand: Errand, newest_made_by: MadeBy | None) -> None:
        fault: Exception | None = None
        sealed_key = None
        try:
            with self._app.app_context():
                sealed_key = sealed_key_of(errand.account_id)
                _look(errand, newest_made_by, now=self._clock())
        except Exception as reason:
            fault = self._of_one_object(errand, reason)
        self._done.put((errand, fault, sealed_key))
        self._wake.set()

    def _of_one_object(self, errand: Errand, fault: Exception) -> Exception:
        """The fault, as one of this object alone where Stripe answers the rest."""
        if isinstance(fault, StripeUnavailable | PermissionMissing):
            try:
                with self._app.app_context():
                    if is_alone(gateway_of(errand.account_id), fault):
                        return Refused(sentence_of(fault))
            except EXPECTED:
                log.debug("account %s cannot be asked", errand.account_id)
        return fault

    def _collect(self, *, now: datetime) -> None:
        while True:
            try:
                errand, fault, sealed_key = self._done.get_nowait()
            except Empty:
                return
            lane = self._lanes[errand.account_id]
            asked = lane.running.pop(errand)
            lane.is_silent = isinstance(fault, StripeUnavailable)
            if fault is None:
                self._settled += [Settled(e.id, e.tries) for e in asked.events]
            else:
                self._put_off(errand, asked, fault, sealed_key=sealed_key, now=now)

    def _put_off(
        self,
        errand: Errand,
        asked: _Asked,
        fault: Exception,
        *,
        sealed_key: str | None,
        now: datetime,
    ) -> None:
        """Keep the events, with what stood in the way, for a later look."""
        hold = _hold(fault)
        if hold:
            with transaction() as session:
                event_queue.hold(session, errand.account_id, until=now + hold)
        elif isinstance(fault, OWNER_MUST_ACT):
            note_trouble(
                errand.account_id, sentence_of(fault), now=now, sealed_key=sealed_key
            )
        if hold or isinstance(fault, OWNER_MUST_ACT):
            # Whatever else waits for this account is taken again when it answers.
            self._lanes[errand.account_id].waiting.clear()
        if isinstance(fault, EXPECTED):
            log.warning("could not look at %s: %s", errand.target, fault)
        else:
            log.error("looking at %s failed", errand.target, exc_info=fault)
        self._settled += [
            Settled(
                id=event.id,
                tries=event.tries + 1,
                note=sentence_of(fault),
                # An outage ends for all at once: they are as late as their account.
                try_at=now + (hold or wait_after(event.tries + 1)),
            )
            for event in asked.events
        ]

    def _write(self, *, now: datetime) -> None:
        if not self._settled:
            return
        with transaction() as session:
            event_queue.settle(session, self._settled, now=now)
        self.handled += sum(one.try_at is None for one in self._settled)
        self._settled = []


def handle_pending(*, now: datetime) -> int:
    """Handle everything that is due, to the end; how many events are done with."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    wake = threading.Event()
    handler = Handler(app, clock=lambda: now, wake=wake)
    try:
        while handler.round() or handler.is_looking:
            if handler.is_looking:
                wake.wait(LONGEST_LOOK)
                wake.clear()
    finally:
        handler.close()
    return handler.handled


def _told(event: Pending) -> EventEnvelope:
    """What the event says on its outside, from the hints or else from its payload."""
    if event.payload is None:
        return event.told
    try:
        return reopened(event.payload)
    except NotAnEvent:
        return event.told


def _look(errand: Errand, newest_made_by: MadeBy | None, *, now: datetime) -> None:
    account_id, target = errand.account_id, errand.target
    match errand.look_at:
        case LookAt.INVOICE:
            invoices.look(account_id, target, now=now, newest_made_by=newest_made_by)
        case LookAt.SUBSCRIPTION:
            subscriptions.look(account_id, target, now=now)
        case LookAt.CARDS:
            cards.follow_change(account_id, target, now=now)
        case LookAt.CHARGE:
            cards.note_refused_charge(account_id, target, now=now)
        case LookAt.ACCOUNT:
            leaving.deauthorized(account_id, now=now)


def _hold(fault: Exception) -> timedelta | None:
    """For how long the whole account is left alone, if the fault is not the event's."""
    match fault:
        case RateLimited(retry_after=float() as seconds):
            return timedelta(seconds=min(max(seconds, 1.0), 300.0))
        case RateLimited():
            return HOLD_WHEN_TOO_FAST
        case StripeUnavailable():
            return HOLD_WITHOUT_ANSWER
    return None
