"""What Stripe delivers: is it genuine, whose is it, and into the inbox with it."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar, cast

from flask import Flask, current_app
from sqlalchemy import select, update

from app import current
from app.domain.account import EventStatus
from app.domain.errands import hints_of
from app.domain.event_types import LOOK_AGAIN
from app.domain.snapshots import EventEnvelope
from app.services import platform
from app.services.inbox import Arrival, Inbox, NotStored
from app.storage.models import StripeAccount, StripeEvent
from app.storage.transaction import reading, transaction
from app.stripe_gateway import BadSignature, verified
from app.vault import SecretUnreadable

log = logging.getLogger(__name__)

# Seconds. Long enough to spare a burst the same query a thousand times; what changed
# within them is noticed anyway: a signature that does not fit reads again.
REMEMBERED_FOR = 2.0
# Forged deliveries must not make us write all day.
BAD_SIGNATURES_NOTED_EVERY = timedelta(minutes=1)

Value = TypeVar("Value")


class NoSuchAddress(LookupError):
    """No account listens at this webhook address."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A connected account as its webhook address needs it."""

    account_id: int
    stripe_account_id: str
    livemode: bool
    secrets: tuple[str, ...] = field(default=(), repr=False)


class Reception:
    """One per application: its inbox, and whom it remembers for a moment."""

    def __init__(self, app: Flask) -> None:
        self.inbox = Inbox(app)
        self.by_address: Remembered[Listener] = Remembered()
        self.by_account: Remembered[Listener] = Remembered()
        self.platform_secret: Remembered[str] = Remembered()
        self.bad_signature_noted_at: dict[int, datetime] = {}


class Remembered(Generic[Value]):
    """A few values, each believed for a moment."""

    def __init__(self) -> None:
        self._kept: dict[object, tuple[float, Value]] = {}

    def get(self, key: object, read: Callable[[], Value | None]) -> Value | None:
        """The value of `key`, read when it is not remembered; None is not kept."""
        found = self._kept.get(key)
        if found and time.monotonic() - found[0] < REMEMBERED_FOR:
            return found[1]
        value = read()
        if value is None:
            self._kept.pop(key, None)
        else:
            self._kept[key] = (time.monotonic(), value)
        return value

    def forget(self, key: object) -> None:
        self._kept.pop(key, None)


def reception() -> Reception:
    """The reception of the current application."""
    return cast(Reception, current_app.extensions["reception"])


def receive_for_key(
    connection_key: str, payload: bytes, header: str | None, *, now: datetime
) -> None:
    """Keep an event that came to one account's own address.

    Returns once it is durable. Raises NoSuchAddress, BadSignature, NotAnEvent,
    and NotStored when Stripe has to send it again.
    """
    listener = _listener(connection_key)
    try:
        event = _verified(payload, header, listener.secrets, now=now)
    except BadSignature:
        # The secret may have been replaced within the last two seconds.
        reception().by_address.forget(connection_key)
        listener = _listener(connection_key)
        try:
            event = _verified(payload, header, listener.secrets, now=now)
        except BadSignature:
            _note_bad_signature(listener.account_id, now=now)
            raise
    fault = _misdirected(event, listener)
    _keep(event, None if fault else listener, fault=fault, now=now)


def receive_for_platform(payload: bytes, header: str | None, *, now: datetime) -> None:
    """Keep an event that came to the Connect platform's address; see above."""
    try:
        event = _verified(payload, header, (_platform_secret(),), now=now)
    except BadSignature:
        reception().platform_secret.forget(None)
        event = _verified(payload, header, (_platform_secret(),), now=now)
    listener = reception().by_account.get(
        (event.account, event.livemode), lambda: _of_account(event)
    )
    fault = None
    if listener is None:
        mode = "live" if event.livemode else "test"
        fault = f"{event.account or 'no account'} is not connected here in {mode} mode"
    _keep(event, listener, fault=fault, now=now)


def take_in(account_id: int, events: Iterable[EventEnvelope], *, now: datetime) -> int:
    """Keep events that we fetched ourselves, as if delivered; how many were new.

    `last_event_at` stays as it is: nothing arrived.
    """
    shown = {event.id: event for event in events}
    with transaction() as session:
        known = session.scalars(
            select(StripeEvent.stripe_event_id).where(
                StripeEvent.stripe_event_id.in_(shown)
            )
        )
        new = [shown[event_id] for event_id in shown.keys() - set(known)]
        session.add_all(
            StripeEvent(
                stripe_event_id=event.id,
                account_id=account_id,
                type=event.type,
                object_id=event.object_id and event.object_id[:255],
                livemode=event.livemode,
                hints=hints_of(event),
                payload=event.payload,
                occurred_at=event.created,
                received_at=now,
                status=EventStatus.PENDING,
                try_at=now,
                note="fetched: it had not arrived",
            )
            for event in sorted(new, key=lambda event: event.created)
        )
    if new:
        reception().inbox.arrived.set()
    return len(new)


def _keep(
    event: EventEnvelope, listener: Listener | None, *, fault: str | None, now: datetime
) -> None:
    if fault is None and event.type not in LOOK_AGAIN:
        fault = "nothing to do for events of this type"
    reception().inbox.keep(
        Arrival(
            stripe_event_id=event.id,
            account_id=listener.account_id if listener else None,
            type=event.type,
            object_id=event.object_id and event.object_id[:255],
            livemode=event.livemode,
            payload=event.payload,
            occurred_at=event.created,
            received_at=now,
            status=EventStatus.IGNORED if fault else EventStatus.PENDING,
            note=fault,
            hints=hints_of(event),
        )
    )


def _verified(
    payload: bytes, header: str | None, secrets: Iterable[str], *, now: datetime
) -> EventEnvelope:
    clock = current.clock()
    try:
        return verified(payload, header, secrets, now=now)
    except BadSignature:
        # A sandbox signs by the time it lives in or by the machine's.
        if clock.is_real:
            raise
        return verified(payload, header, secrets, now=clock.wall())


def _misdirected(event: EventEnvelope, listener: Listener) -> str | None:
    if event.livemode is not listener.livemode:
        ours, theirs = ("live", "test") if listener.livemode else ("test", "live")
        return f"an event of {theirs} mode; this account is connected in {ours} mode"
    if event.account not in (None, listener.stripe_account_id):
        return f"an event of {event.account} at the address of another account"
    return None


def _listener(connection_key: str) -> Listener:
    found = reception().by_address.get(
        connection_key, lambda: _of_address(connection_key)
    )
    if found is None:
        raise NoSuchAddress
    return found


def _platform_secret() -> str:
    try:
        secret = reception().platform_secret.get(None, platform.webhook_secret)
    except SecretUnreadable as fault:
        raise NotStored(str(fault)) from None
    if secret is None:
        raise NoSuchAddress
    return secret


def _of_address(connection_key: str) -> Listener | None:
    if not (connection_key.isascii() and connection_key.isprintable()):
        return None  # no key of ours, and maybe no text that a database takes
    with reading() as session:
        account = session.scalar(
            select(StripeAccount).where(StripeAccount.connection_key == connection_key)
        )
    if account is None or account.sealed_webhook_secret is None:
        return None
    secrets = [_opened(account.sealed_webhook_secret)]
    # The one before may be sealed with a key that is lost: nothing to wait for.
    old = account.sealed_old_webhook_secret
    if old and current.vault().opens(old):
        secrets.append(_opened(old))
    return Listener(
        account_id=account.id,
        stripe_account_id=account.stripe_account_id,
        livemode=account.livemode,
        secrets=tuple(secrets),
    )


def _opened(sealed: str) -> str:
    try:
        return current.vault().decrypt(sealed)
    except SecretUnreadable as fault:
        # Stripe sends it again for three days: time to put the lost key back.
        raise NotStored(str(fault)) from None


def _of_account(event: EventEnvelope) -> Listener | None:
    with reading() as session:
        account = session.scalar(
            select(StripeAccount)
            .where(StripeAccount.stripe_account_id == event.account)
            .where(StripeAccount.livemode == event.livemode)
        )
    if account is None:
        return None
    return Listener(account.id, account.stripe_account_id, account.livemode)


def _note_bad_signature(account_id: int, *, now: datetime) -> None:
    noted_at = reception().bad_signature_noted_at.get(account_id)
    if noted_at and noted_at <= now < noted_at + BAD_SIGNATURES_NOTED_EVERY:
        return
    reception().bad_signature_noted_at[account_id] = now
    log.warning("account %s: a webhook's signature does not fit", account_id)
    with transaction() as session:
        session.execute(
            update(StripeAccount)
            .where(StripeAccount.id == account_id)
            .values(bad_signature_at=now)
        )
