"""Which invoices have to be looked at without an event that says so."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import Session

from app.domain.recovery import AttemptStatus, PauseCause, RecoveryStatus
from app.storage.account_conditions import may_be_asked_about
from app.storage.models import (
    UNFINISHED_WORDS,
    Recovery,
    RetryAttempt,
    StripeAccount,
)
from app.storage.spelled import is_one_of, is_word

# Stripe's own retry tells how it ended by an event within minutes. Two hours without
# one, and we ask; from then on once an hour.
STRIPE_IS_LATE = timedelta(hours=2)
ASK_AGAIN = timedelta(hours=1)
# A pause ends, and a bank debit is settled, with an event. One read a day makes up for
# an event that was lost, and is little against what Stripe allows.
ASK_DAILY = timedelta(days=1)


class Wanted(NamedTuple):
    account_id: int
    stripe_invoice_id: str


def wanted_looks(session: Session, *, now: datetime, limit: int) -> list[Wanted]:
    """The longest unseen first, of the accounts that can be asked."""
    found: dict[str, Wanted] = {}
    # One question for each index: an OR of them all would read the whole table.
    for condition in (
        _wished_for(),
        _stripe_is_late(now),
        _held(now),
        _processing(now),
    ):
        rows = session.execute(
            select(Recovery.account_id, Recovery.stripe_invoice_id)
            .join(StripeAccount, StripeAccount.id == Recovery.account_id)
            .where(
                condition,
                may_be_asked_about(now),
            )
            .order_by(Recovery.looked_at)
            .limit(limit)
        )
        found |= {row.stripe_invoice_id: Wanted(*row) for row in rows}
    return list(found.values())[:limit]


def _wished_for() -> ColumnElement[bool]:
    """News came while a charge was under way, and none is now."""
    under_way = exists().where(
        RetryAttempt.recovery_id == Recovery.id,
        RetryAttempt.status.in_((AttemptStatus.RUNNING, AttemptStatus.UNKNOWN)),
    )
    return and_(Recovery.look_again, ~under_way)


def _stripe_is_late(now: datetime) -> ColumnElement[bool]:
    return and_(
        is_word(Recovery.status, RecoveryStatus.PAUSED),
        Recovery.paused_because == PauseCause.STRIPE_RETRIES,
        Recovery.stripe_retries_at < now - STRIPE_IS_LATE,
        Recovery.looked_at < now - ASK_AGAIN,
    )


def _held(now: datetime) -> ColumnElement[bool]:
    return and_(
        is_word(Recovery.status, RecoveryStatus.PAUSED),
        Recovery.paused_because.in_((PauseCause.PAUSED_AT_STRIPE, PauseCause.SETTLING)),
        Recovery.looked_at < now - ASK_DAILY,
    )


def _processing(now: datetime) -> ColumnElement[bool]:
    settling = select(RetryAttempt.recovery_id).where(
        is_one_of(RetryAttempt.status, UNFINISHED_WORDS),
        RetryAttempt.status == AttemptStatus.PROCESSING,
        RetryAttempt.started_at < now - ASK_DAILY,
    )
    return and_(Recovery.id.in_(settling), Recovery.looked_at < now - ASK_DAILY)
