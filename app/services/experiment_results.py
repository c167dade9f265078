"""What an experiment has come to, and what a merchant may expect of one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.domain.experiments import (
    BASE_SHARE,
    Arm,
    Estimate,
    Sums,
    Verdict,
    estimate,
    verdict,
)
from app.storage import experiment_reads
from app.storage.experiment_reads import ArmCounts
from app.storage.strategy_models import Experiment

# News of a payment may come late: by events, or by the comparison four times a day.
_NEWS_TAKE = timedelta(days=1)
# Fewer recoveries than this say nothing about the share that is paid.
_LEAST_HISTORY = 30


@dataclass(frozen=True, slots=True)
class Money:
    """What one currency's amounts say."""

    currency: str
    sums: dict[Arm, Sums]
    found: Estimate


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
    return Result(
        counts=experiment_reads.counts(session, row.id, closed_before=before),
        renewals=renewals,
        found=estimate(control, treatment, planned=row.planned),
        money=[
            Money(currency, sums, _estimate(sums, planned=row.planned))
            for currency, sums in amounts.items()
        ],
        verdict=verdict(
            control,
            treatment,
            planned=row.planned,
            is_aa=is_aa(row),
            names=(row.control, row.treatment),
        ),
    )


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
    """From the last three whole months; from this one where there are none."""
    months = _months_before(now, 3)
    counted = [
        count
        for count in experiment_reads.monthly_declines(
            session, account_id, months=months
        )
        if count
    ]
    if not counted:
        counted = experiment_reads.monthly_declines(
            session, account_id, months=[f"{now:%Y-%m}"]
        )
    monthly = round(sum(counted) / len(counted))
    paid, every = experiment_reads.paid_share(session, account_id, months=months)
    base = min(0.9, max(0.1, paid / every)) if every >= _LEAST_HISTORY else BASE_SHARE
    return Expected(monthly or 100, base, has_history=monthly > 0)


def _estimate(sums: dict[Arm, Sums], *, planned: int) -> Estimate:
    return estimate(sums[Arm.CONTROL], sums[Arm.TREATMENT], planned=planned)


def _months_before(now: datetime, count: int) -> list[str]:
    last = now.year * 12 + now.month - 1
    return [f"{n // 12}-{n % 12 + 1:02d}" for n in range(last - count, last)]
