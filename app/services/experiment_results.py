"""What an experiment has come to, and what a merchant may expect of one."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from app.domain.experiment_verdict import Compared, Stage, Verdict, verdict
from app.domain.experiments import (
    BASE_SHARE,
    LEAST_CLOSED,
    Arm,
    Estimate,
    Sums,
    estimate,
)
from app.domain.window import WINDOW_DAYS
from app.storage import experiment_reads
from app.storage.experiment_reads import ArmCounts
from app.storage.models import StripeAccount
from app.storage.strategy_models import Experiment

# News of a payment may come late: by events, or by the comparison four times a day.
_NEWS_TAKE = timedelta(days=1)
# Fewer recoveries than this say nothing about the share that is paid.
_LEAST_HISTORY = 30
# And a month of which fewer days than this are known says nothing about the rest.
_LEAST_DAYS = 7
_DAYS_A_MONTH = 365.25 / 12
_WINDOW = timedelta(days=WINDOW_DAYS)


@dataclass(frozen=True, slots=True)
class Money:
    """What one currency's amounts say."""

    currency: str
    sums: dict[Arm, Sums]
    found: Estimate | None  # None: too few renewals


@dataclass(frozen=True, slots=True)
class Result:
    """An experiment's numbers as they stand; shares are of the closed renewals."""

    counts: dict[Arm, ArmCounts]
    renewals: dict[Arm, Sums]
    found: Estimate
    money: list[Money]
    verdict: Verdict


def result(session: Session, row: Experiment, *, now: datetime) -> Result:
    """The numbers of the closed renewals, and what they allow to be said."""
    before = now - _NEWS_TAKE
    renewals = experiment_reads.renewals(session, row.id, closed_before=before)
    control, treatment = renewals[Arm.CONTROL], renewals[Arm.TREATMENT]
    amounts = experiment_reads.amounts(session, row.id, closed_before=before)
    counts = experiment_reads.counts(session, row.id, closed_before=before)
    tested = Compared(
        (row.control, row.treatment),
        row.planned,
        is_aa=is_aa(row),
        stage=_stage(row, counts, now=now),
    )
    return Result(
        counts=counts,
        renewals=renewals,
        found=estimate(control, treatment, planned=row.planned),
        money=[
            Money(currency, sums, _estimate(sums, planned=row.planned))
            for currency, sums in amounts.items()
        ],
        verdict=verdict(control, treatment, of=tested),
    )


def _stage(row: Experiment, counts: dict[Arm, ArmCounts], *, now: datetime) -> Stage:
    if row.ended_at(now) is None:
        return Stage.PLANNED if row.starts_at > now else Stage.RUNNING
    is_over = all(each.allocated == each.closed for each in counts.values())
    return Stage.OVER if is_over else Stage.FOLLOWING


def is_aa(row: Experiment) -> bool:
    """Whether both arms do the same: a test of the measuring itself."""
    return (row.control, row.control_version) == (row.treatment, row.treatment_version)


@dataclass(frozen=True, slots=True)
class Expected:
    """A merchant's own numbers: declines a month, and the share that is paid."""

    monthly: int
    base: float
    has_history: bool


def expected(session: Session, account_id: int, *, now: datetime) -> Expected:
    """Declines a month from the last three whole months, else from the days since the
    account was connected; the share that is paid from months that have run out."""
    monthly = _monthly(session, account_id, now=now)
    paid, every = experiment_reads.paid_share(
        session, account_id, months=_months_before(now - _WINDOW, 3)
    )
    base = min(0.9, max(0.1, paid / every)) if every >= _LEAST_HISTORY else BASE_SHARE
    return Expected(monthly or 100, base, has_history=monthly > 0)


def _monthly(session: Session, account_id: int, *, now: datetime) -> int:
    """Declines a month; 0 where there are none yet, or only a few days of them.

    Of the time before the account was connected only what was still open is known.
    """
    account = session.get(StripeAccount, account_id)
    if account is None:
        return 0
    since = f"{account.connected_at.astimezone(UTC):%Y-%m}"
    whole = [month for month in _months_before(now, 3) if month > since]
    counted = experiment_reads.monthly_declines(session, account_id, months=whole)
    if any(counted):
        return round(sum(counted) / len(counted))
    this = f"{now.astimezone(UTC):%Y-%m}"
    so_far = experiment_reads.monthly_declines(
        session, account_id, months=sorted({max(since, *_months_before(now, 1)), this})
    )
    began_at = max(account.connected_at, _month_of(_month_of(now) - timedelta(days=1)))
    days = (now - began_at) / timedelta(days=1)
    return round(sum(so_far) * _DAYS_A_MONTH / days) if days >= _LEAST_DAYS else 0


def _month_of(at: datetime) -> datetime:
    """When the month (UTC) began."""
    there = at.astimezone(UTC)
    return there.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _estimate(sums: dict[Arm, Sums], *, planned: int) -> Estimate | None:
    control, treatment = sums[Arm.CONTROL], sums[Arm.TREATMENT]
    if min(control.count, treatment.count) < LEAST_CLOSED:
        return None
    return estimate(control, treatment, planned=planned)


def _months_before(now: datetime, count: int) -> list[str]:
    last = now.year * 12 + now.month - 1
    return [f"{n // 12}-{n % 12 + 1:02d}" for n in range(last - count, last)]
