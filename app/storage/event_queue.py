"""Stored events that wait to be handled, found by account: one that is held back or
has left costs the others nothing, however much it has waiting."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, case, exists, select, update
from sqlalchemy.orm import Session

from app.domain.account import EventStatus
from app.domain.errands import HINTS, Known
from app.domain.event_types import LOOK_AGAIN, LookAt
from app.domain.recovery import OPEN, RecoveryStatus
from app.domain.snapshots import EventEnvelope
from app.storage.account_conditions import may_be_asked_about
from app.storage.models import Recovery, StripeAccount, StripeEvent
from app.storage.spelled import padded

CUSTOMER_MAY_PAY = (*OPEN, RecoveryStatus.TERMINATED)


@dataclass(frozen=True, slots=True)
class Pending:
    """A stored event that waits, free of any session.

    `told` has no hints where none were kept beside it; then `payload` is there.
    """

    id: int
    tries: int
    told: EventEnvelope
    payload: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """An event that is done with, or put off with the fault that stood in the way."""

    id: int
    tries: int
    note: str | None = None
    try_at: datetime | None = None  # None: done with


def accounts_with_pending(session: Session, *, now: datetime) -> list[int]:
    """The accounts that have events to handle and may be asked about at Stripe.

    The switch does not matter here: what happens is followed while retries rest.
    """
    waiting = exists().where(
        StripeEvent.account_id == StripeAccount.id,
        StripeEvent.status == EventStatus.PENDING,
        StripeEvent.try_at <= now,
    )
    return list(
        session.scalars(
            select(StripeAccount.id)
            .where(
                may_be_asked_about(now),
                waiting,
            )
            .order_by(StripeAccount.id)
        )
    )


def pending(
    session: Session,
    account_id: int,
    *,
    now: datetime,
    limit: int,
    except_for: Collection[int],
) -> list[Pending]:
    """Events of the account that are due, oldest first, without those in hand."""
    rows = session.execute(
        select(
            StripeEvent.id,
            StripeEvent.tries,
            StripeEvent.stripe_event_id,
            StripeEvent.type,
            StripeEvent.object_id,
            StripeEvent.livemode,
            StripeEvent.occurred_at,
            StripeEvent.hints,
            case((StripeEvent.hints.is_(None), StripeEvent.payload)).label("payload"),
        )
        .where(
            StripeEvent.account_id == account_id,
            StripeEvent.status == EventStatus.PENDING,
            StripeEvent.try_at <= now,
            StripeEvent.id.not_in(padded(except_for, 0)),
        )
        .order_by(StripeEvent.try_at, StripeEvent.id)
        .limit(limit)
    )
    return [_pending(row) for row in rows]


def _pending(row: Row[Any]) -> Pending:
    told = EventEnvelope(
        id=row.stripe_event_id,
        type=row.type,
        livemode=row.livemode,
        created=row.occurred_at,
        object_id=row.object_id,
        **{name: value for name, value in (row.hints or {}).items() if name in HINTS},
    )
    return Pending(row.id, row.tries, told, row.payload)


def known_among(
    session: Session,
    account_id: int,
    events: Iterable[EventEnvelope],
    *,
    now: datetime,
) -> Known:
    """What is ours among the things that `events` are about."""
    about: dict[LookAt, set[str | None]] = defaultdict(set)
    for event in events:
        look_at = LOOK_AGAIN.get(event.type)
        if look_at is LookAt.INVOICE:
            about[look_at].add(event.object_id)
        elif look_at is LookAt.CARDS:
            about[look_at].add(event.customer_id)
        elif look_at is LookAt.CHARGE:
            about[look_at].add(event.payment_intent_id)
    return Known(
        invoices=_known_invoices(session, account_id, about[LookAt.INVOICE]),
        customers=_known_customers(session, account_id, about[LookAt.CARDS], now=now),
        invoice_of_intent=_invoices_of(session, account_id, about[LookAt.CHARGE]),
    )


def _known_invoices(
    session: Session, account_id: int, ids: set[str | None]
) -> frozenset[str]:
    if not ids:
        return frozenset()
    return frozenset(
        session.scalars(
            select(Recovery.stripe_invoice_id).where(
                Recovery.account_id == account_id,
                Recovery.stripe_invoice_id.in_(padded(ids, None)),
            )
        )
    )


def _known_customers(
    session: Session, account_id: int, ids: set[str | None], *, now: datetime
) -> frozenset[str]:
    if not ids:
        return frozenset()
    return frozenset(
        session.scalars(
            select(Recovery.stripe_customer_id).where(
                Recovery.account_id == account_id,
                Recovery.stripe_customer_id.in_(padded(ids, None)),
                Recovery.status.in_(CUSTOMER_MAY_PAY),
                Recovery.deadline_at >= now,
            )
        )
    )


def _invoices_of(
    session: Session, account_id: int, intents: set[str | None]
) -> dict[str, str]:
    if not intents:
        return {}
    rows = session.execute(
        select(Recovery.stripe_payment_intent_id, Recovery.stripe_invoice_id).where(
            Recovery.account_id == account_id,
            Recovery.stripe_payment_intent_id.in_(padded(intents, None)),
        )
    )
    return {row.stripe_payment_intent_id: row.stripe_invoice_id for row in rows}


def settle(session: Session, settled: Sequence[Settled], *, now: datetime) -> None:
    """Write down what became of these events, each kind in one statement."""
    done = [one for one in settled if one.try_at is None]
    put_off = [one for one in settled if one.try_at is not None]
    connection = session.connection()
    one_event = update(StripeEvent).where(StripeEvent.id == bindparam("event"))
    if done:
        connection.execute(
            one_event.values(
                status=EventStatus.HANDLED, handled_at=now, note=bindparam("why")
            ),
            [{"event": one.id, "why": one.note} for one in done],
        )
    if put_off:
        connection.execute(
            one_event.values(
                tries=bindparam("times"), try_at=bindparam("at"), note=bindparam("why")
            ),
            [
                {"event": o.id, "times": o.tries, "at": o.try_at, "why": o.note}
                for o in put_off
            ],
        )


def hold(session: Session, account_id: int, *, until: datetime) -> None:
    """No call for this account before `until`."""
    session.execute(
        update(StripeAccount)
        .where(
            StripeAccount.id == account_id,
            StripeAccount.hold_until.is_(None) | (StripeAccount.hold_until < until),
        )
        .values(hold_until=until)
    )
