"""What the dashboard is made of: counts, what waits for a person, the news."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select
from sqlalchemy.orm import Session

from app.domain.figures import Cell
from app.domain.recovery import OPEN, PauseCause, RecoveryStatus
from app.storage.models import (
    Recovery,
    RetryAttempt,
    StripeAccount,
    Subscription,
)

SHOWN = 8
_IS_OPEN = Recovery.status.in_(sorted(OPEN))


def cells(session: Session, *, accounts: frozenset[int] | None) -> list[Cell]:
    """All recoveries, counted by currency, month of the first decline and state."""
    month = _month(session)
    rows = session.execute(
        select(
            Recovery.currency,
            month,
            Recovery.status,
            Recovery.closed_as,
            func.count(),
            func.sum(Recovery.amount),
            func.sum(Recovery.recovered_amount),
        )
        .where(*_seen(Recovery.account_id, accounts))
        .group_by(Recovery.currency, month, Recovery.status, Recovery.closed_as)
    )
    return [Cell(*row[:4], *map(int, row[4:])) for row in rows]


def accounts_of(
    session: Session, *, accounts: frozenset[int] | None
) -> Sequence[StripeAccount]:
    """The accounts the viewer may see, the newest connection first."""
    return session.scalars(
        select(StripeAccount)
        .where(*_seen(StripeAccount.id, accounts))
        .order_by(StripeAccount.id.desc())
    ).all()


def waiting_for_people(
    session: Session, *, accounts: frozenset[int] | None
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Open recoveries that no retry can help along, the most urgent first."""
    needs_a_person = or_(
        Recovery.status == RecoveryStatus.WAITING_FOR_CUSTOMER,
        Recovery.paused_because == PauseCause.PERSON,
        Recovery.card_trap,
    )
    return session.execute(
        select(
            Recovery.id,
            Recovery.status,
            Recovery.status_reason,
            Recovery.amount,
            Recovery.currency,
            Recovery.deadline_at,
            Recovery.card_trap,
            Recovery.stripe_customer_id,
            Subscription.customer_name,
            Subscription.customer_email,
        )
        .outerjoin(Subscription)
        .where(_IS_OPEN, needs_a_person)
        .where(*_seen(Recovery.account_id, accounts))
        .order_by(Recovery.deadline_at)
        .limit(SHOWN)
    ).all()


def news(
    session: Session, *, accounts: frozenset[int] | None
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The retries that were answered last."""
    return session.execute(
        select(
            RetryAttempt.recovery_id,
            RetryAttempt.number,
            RetryAttempt.status,
            RetryAttempt.finished_at,
            RetryAttempt.outcome,
            Recovery.amount,
            Recovery.currency,
            Recovery.stripe_customer_id,
            Subscription.customer_name,
            Subscription.customer_email,
        )
        .join(Recovery, Recovery.id == RetryAttempt.recovery_id)
        .outerjoin(Subscription, Subscription.id == Recovery.subscription_id)
        .where(RetryAttempt.started_at.is_not(None))
        .where(RetryAttempt.finished_at.is_not(None))
        .where(*_seen(RetryAttempt.account_id, accounts))
        .order_by(RetryAttempt.finished_at.desc())
        .limit(SHOWN)
    ).all()


def _month(session: Session) -> ColumnElement[str]:
    if session.get_bind().dialect.name == "sqlite":
        return func.strftime("%Y-%m", Recovery.started_at)
    return func.to_char(Recovery.started_at, "YYYY-MM")


def _seen(column: Any, accounts: frozenset[int] | None) -> list[ColumnElement[bool]]:
    return [] if accounts is None else [column.in_(sorted(accounts))]
