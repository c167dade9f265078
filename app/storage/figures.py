"""What the dashboard is made of: counts, what waits for a person, the news."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.orm import Session

from app.domain.figures import Answered, Cell, Ended
from app.domain.periods import Period
from app.domain.recovery import AttemptStatus, ClosedAs, RecoveryStatus
from app.storage.models import (
    NEEDS_PERSON,
    Recovery,
    RetryAttempt,
    StripeAccount,
    Subscription,
)
from app.storage.tallies import (
    AttemptTally,
    BeginningTally,
    DeclineDayTally,
    DeclineTally,
    EndingTally,
    RecoveryTally,
)

SHOWN = 8
MOST_CODES = 10


def cells(session: Session, *, accounts: frozenset[int] | None) -> list[Cell]:
    """All recoveries, counted by currency, month of the first decline and state."""
    kept = RecoveryTally
    rows = session.execute(
        select(
            kept.currency,
            kept.cohort,
            kept.status,
            kept.closed_as,
            *_sums(kept),
        )
        .where(*_seen(kept.account_id, accounts))
        .group_by(kept.currency, kept.cohort, kept.status, kept.closed_as)
        .having(func.sum(kept.recoveries) > 0)
    )
    return [_cell(*row) for row in rows]


def began(
    session: Session, period: Period, *, accounts: frozenset[int] | None
) -> list[Cell]:
    """The recoveries first declined in the period, by where they stand now."""
    if period.first is None:
        return cells(session, accounts=accounts)
    kept = BeginningTally
    rows = session.execute(
        select(
            kept.currency,
            kept.status,
            kept.closed_as,
            *_sums(kept),
        )
        .where(*_within(kept.day, period), *_seen(kept.account_id, accounts))
        .group_by(kept.currency, kept.status, kept.closed_as)
        .having(func.sum(kept.recoveries) > 0)
    )
    return [
        _cell(currency, "", status, closed_as, *sums)
        for currency, status, closed_as, *sums in rows
    ]


def ended(
    session: Session, period: Period, *, accounts: frozenset[int] | None
) -> list[Ended]:
    """The recoveries that ended in the period, by day; all of them by month."""
    kept = EndingTally
    digits = 10 if period.first else 7
    rows = session.execute(
        select(
            func.substr(kept.day, 1, digits).label("beginning"),
            kept.currency,
            kept.status,
            kept.closed_as,
            *_sums(kept),
        )
        .where(*_within(kept.day, period), *_seen(kept.account_id, accounts))
        .group_by("beginning", kept.currency, kept.status, kept.closed_as)
        .having(func.sum(kept.recoveries) > 0)
    )
    return [
        Ended(date.fromisoformat(f"{day}-01"[:10]), _cell(currency, "", *rest))
        for day, currency, *rest in rows
    ]


def won_by_retry(
    session: Session, period: Period, *, accounts: frozenset[int] | None
) -> list[tuple[int, int]]:
    """Of the recoveries won in the period: after how many retries, and how many."""
    kept = EndingTally
    rows = session.execute(
        select(kept.retries, func.sum(kept.recoveries))
        .where(kept.status == RecoveryStatus.RECOVERED)
        .where(*_within(kept.day, period), *_seen(kept.account_id, accounts))
        .group_by(kept.retries)
        .having(func.sum(kept.recoveries) > 0)
        .order_by(kept.retries)
    )
    return [(retries, int(count)) for retries, count in rows]


def by_code(
    session: Session, period: Period, *, accounts: frozenset[int] | None
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The declines of the period by code, the commonest first."""
    kept: Any = DeclineTally if period.first is None else DeclineDayTally
    count = func.sum(kept.declines).label("declines")
    within = [] if period.first is None else _within(kept.day, period)
    return session.execute(
        select(kept.decline_code, kept.kind, count)
        .where(*within, *_seen(kept.account_id, accounts))
        .group_by(kept.decline_code, kept.kind)
        .order_by(count.desc(), kept.decline_code)
        .limit(MOST_CODES)
    ).all()


def answers(session: Session, *, accounts: frozenset[int] | None) -> list[Answered]:
    """Answered retries by number, weekday and hour (UTC)."""
    kept = AttemptTally
    rows = session.execute(
        select(
            kept.number, kept.weekday, kept.hour, kept.status, func.sum(kept.attempts)
        )
        .where(*_seen(kept.account_id, accounts))
        .group_by(kept.number, kept.weekday, kept.hour, kept.status)
    )
    return [
        Answered(
            number=number,
            weekday=weekday,
            hour=hour,
            is_approved=status is AttemptStatus.SUCCEEDED,
            count=int(count),
        )
        for number, weekday, hour, status, count in rows
    ]


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
    # The condition is spelled as in the index that serves it, so it stands alone here.
    urgent = (
        select(Recovery.id)
        .where(NEEDS_PERSON, *_seen(Recovery.account_id, accounts))
        .order_by(Recovery.deadline_at)
        .limit(SHOWN)
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
        .where(Recovery.id.in_(urgent))
        .order_by(Recovery.deadline_at)
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


def _sums(
    kept: type[RecoveryTally | BeginningTally | EndingTally],
) -> tuple[ColumnElement[Any], ...]:
    """What a cell counts: recoveries, amount, recovered amount."""
    return (
        func.sum(kept.recoveries),
        func.sum(kept.amount),
        func.sum(kept.recovered_amount),
    )


def _cell(
    currency: str,
    cohort: str,
    status: RecoveryStatus,
    closed_as: str,
    count: int,
    amount: int,
    recovered: int,
) -> Cell:
    how = ClosedAs(closed_as) if closed_as else None
    return Cell(currency, cohort, status, how, int(count), int(amount), int(recovered))


def _within(day: Any, period: Period) -> list[ColumnElement[bool]]:
    if period.first is None:
        return []
    return [day >= period.first.isoformat(), day <= period.last.isoformat()]


def _seen(column: Any, accounts: frozenset[int] | None) -> list[ColumnElement[bool]]:
    return [] if accounts is None else [column.in_(sorted(accounts))]
