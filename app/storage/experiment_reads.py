"""Named reads about experiments: which one runs, and what its arms have come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, and_, case, cast, func, or_, select
from sqlalchemy.orm import Session, joinedload

from app.domain.experiments import Arm, Sums
from app.domain.recovery import ClosedAs, RecoveryStatus
from app.storage.models import Recovery
from app.storage.strategy_models import Allocation, Experiment
from app.storage.tallies import RecoveryTally

SHOWN = 100
# Amounts above this quantile are cut to it: one giant invoice must not decide.
WINSORISED_AT = 0.99


@dataclass(frozen=True, slots=True)
class ArmCounts:
    """One arm as it stands: all that fell into it, and the closed ones."""

    allocated: int
    closed: int
    retries: int  # made by us for the closed ones


def live(session: Session, account_id: int) -> Experiment | None:
    """The account's experiment that is scheduled or runs."""
    return session.scalar(
        select(Experiment).where(
            Experiment.account_id == account_id, Experiment.stopped_at.is_(None)
        )
    )


def experiments(
    session: Session, *, accounts: frozenset[int] | None
) -> Sequence[Experiment]:
    """The newest ones first."""
    return session.scalars(
        select(Experiment)
        .where(*_seen(Experiment.account_id, accounts))
        .options(joinedload(Experiment.account))
        .order_by(Experiment.id.desc())
        .limit(SHOWN)
    ).all()


def experiment(
    session: Session, experiment_id: int, *, accounts: frozenset[int] | None
) -> Experiment | None:
    """One of them, where it may be seen."""
    if experiment_id >= 2**63:
        return None
    return session.scalar(
        select(Experiment)
        .where(Experiment.id == experiment_id, *_seen(Experiment.account_id, accounts))
        .options(joinedload(Experiment.account))
    )


def allocation(session: Session, recovery_id: int) -> tuple[Experiment, Arm] | None:
    """The experiment that the recovery was dealt into, and its arm."""
    row = session.execute(
        select(Experiment, Allocation.arm)
        .join(Allocation, Allocation.experiment_id == Experiment.id)
        .where(Allocation.recovery_id == recovery_id)
    ).one_or_none()
    return (row[0], Arm(row[1])) if row else None


def counts(
    session: Session, experiment_id: int, *, closed_before: datetime
) -> dict[Arm, ArmCounts]:
    """How many recoveries are in each arm; both arms are always there."""
    is_closed = case((Allocation.window_ends_at <= closed_before, 1), else_=0)
    rows = session.execute(
        select(
            Allocation.arm,
            func.count(),
            func.sum(is_closed),
            func.sum(is_closed * Recovery.retries),
        )
        .join(Recovery, Recovery.id == Allocation.recovery_id)
        .where(Allocation.experiment_id == experiment_id)
        .group_by(Allocation.arm)
    )
    found = {Arm(arm): ArmCounts(*(int(n) for n in rest)) for arm, *rest in rows}
    return {arm: found.get(arm, ArmCounts(0, 0, 0)) for arm in Arm}


def renewals(
    session: Session, experiment_id: int, *, closed_before: datetime
) -> dict[Arm, Sums]:
    """The closed renewals of each arm, and those paid in time by any route."""
    one = case((_paid(), 1), else_=0)
    closed = _closed(experiment_id, closed_before)
    return _sums(session, closed, of=func.count(), won=func.sum(one))


def amounts(
    session: Session, experiment_id: int, *, closed_before: datetime
) -> dict[str, dict[Arm, Sums]]:
    """The same in money, by currency; the largest amounts are cut."""
    closed = _closed(experiment_id, closed_before)
    found = {}
    for currency, cut in _cuts(session, closed):
        amount = cast(case((Recovery.amount > cut, cut), else_=Recovery.amount), Float)
        found[currency] = _sums(
            session,
            closed.where(Recovery.currency == currency),
            of=func.sum(amount),
            won=func.sum(case((_paid(), amount), else_=0.0)),
        )
    return found


def monthly_declines(
    session: Session, account_id: int, *, months: Sequence[str]
) -> list[int]:
    """How many recoveries began in each of these months, as in 2026-11."""
    kept = RecoveryTally
    rows = session.execute(
        select(kept.cohort, func.sum(kept.recoveries))
        .where(kept.account_id == account_id, kept.cohort.in_(months))
        .group_by(kept.cohort)
    )
    counted = {month: int(count) for month, count in rows}
    return [counted.get(month, 0) for month in months]


def paid_share(
    session: Session, account_id: int, *, months: Sequence[str]
) -> tuple[int, int]:
    """Of the recoveries of these months: paid by any route, and all of them."""
    kept = RecoveryTally
    is_paid = or_(
        kept.status == RecoveryStatus.RECOVERED,
        kept.closed_as == ClosedAs.PAID_ELSEWHERE.value,
    )
    paid, every = session.execute(
        select(
            func.sum(case((is_paid, kept.recoveries), else_=0)),
            func.sum(kept.recoveries),
        ).where(kept.account_id == account_id, kept.cohort.in_(months))
    ).one()
    return int(paid or 0), int(every or 0)


def _closed(experiment_id: int, closed_before: datetime) -> Select[Any]:
    return (
        select(Allocation.arm)
        .join(Recovery, Recovery.id == Allocation.recovery_id)
        .where(
            Allocation.experiment_id == experiment_id,
            Allocation.window_ends_at <= closed_before,
        )
    )


def _paid() -> ColumnElement[bool]:
    by_any_route = or_(
        Recovery.status == RecoveryStatus.RECOVERED,
        Recovery.closed_as == ClosedAs.PAID_ELSEWHERE,
    )
    return and_(by_any_route, Recovery.ended_at <= Allocation.window_ends_at)


def _sums(
    session: Session, closed: Select[Any], *, of: Any, won: Any
) -> dict[Arm, Sums]:
    """Each customer's sums first, then over customers: what clustering needs."""
    each = (
        closed.add_columns(
            func.count().label("count"),
            cast(of, Float).label("of"),
            cast(won, Float).label("won"),
        )
        .group_by(Allocation.arm, Recovery.stripe_customer_id)
        .subquery()
    )
    columns = each.c
    rows = session.execute(
        select(
            columns.arm,
            func.sum(columns.count),
            func.count(),
            func.sum(columns.of),
            func.sum(columns.won),
            func.sum(columns.of * columns.of),
            func.sum(columns.of * columns.won),
            func.sum(columns.won * columns.won),
        ).group_by(columns.arm)
    )
    found = {
        Arm(arm): Sums(int(count), int(customers), *(float(x) for x in rest))
        for arm, count, customers, *rest in rows
    }
    nothing = Sums(0, 0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return {arm: found.get(arm, nothing) for arm in Arm}


def _cuts(session: Session, closed: Select[Any]) -> list[tuple[str, int]]:
    """For each currency, commonest first, the amount above which amounts are cut."""
    counted = session.execute(
        closed.with_only_columns(Recovery.currency, func.count().label("n"))
        .group_by(Recovery.currency)
        .order_by(func.count().desc(), Recovery.currency)
    ).all()
    cuts = []
    for currency, count in counted:
        cut = session.scalar(
            closed.with_only_columns(Recovery.amount)
            .where(Recovery.currency == currency)
            .order_by(Recovery.amount)
            .offset(min(count - 1, int(count * WINSORISED_AT)))
            .limit(1)
        )
        cuts.append((currency, int(cut or 0)))
    return cuts


def _seen(column: Any, accounts: frozenset[int] | None) -> list[ColumnElement[bool]]:
    return [] if accounts is None else [column.in_(sorted(accounts))]
