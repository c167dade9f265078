"""The figures of a back-test, from the record of a run."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from app.backtest.runner import Record, Run


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares are 0..1; a figure without anything to divide by is None."""

    recovered_amount: float | None
    recovered_invoices: float | None
    attempts_per_invoice: float | None
    attempts_per_recovery: float | None
    median_days_to_money: float | None
    max_attempts_on_an_invoice: int


def figures(runs: Iterable[Run]) -> Figures:
    """The figures over these cases; retries counted, the first charge not."""
    cases = list(runs)
    paid = [run for run in cases if run.paid_at is not None]
    retries = sum(run.retries for run in cases)
    days = [
        (run.paid_at - run.case.declined_at).total_seconds() / 86400
        for run in paid
        if run.paid_at is not None
    ]
    declined = sum(run.case.amount.amount for run in cases)
    return Figures(
        recovered_amount=_share(sum(run.case.amount.amount for run in paid), declined),
        recovered_invoices=_share(len(paid), len(cases)),
        attempts_per_invoice=_share(retries, len(cases)),
        attempts_per_recovery=_share(retries, len(paid)),
        median_days_to_money=round(median(days), 4) if days else None,
        max_attempts_on_an_invoice=max((run.retries for run in cases), default=0),
    )


def as_dict(record: Record) -> dict[str, object]:
    """One strategy's entry in what the command prints."""
    found = figures(record.runs.values())
    timings = record.decision_seconds
    return {
        "recovered_amount": found.recovered_amount,
        "recovered_invoices": found.recovered_invoices,
        "attempts_per_invoice": found.attempts_per_invoice,
        "attempts_per_recovery": found.attempts_per_recovery,
        "median_days_to_money": found.median_days_to_money,
        "max_attempts_on_an_invoice": found.max_attempts_on_an_invoice,
        "breaches": record.breaches.as_dict(),
        "decisions": len(timings),
        "decision_ms_median": round(1000 * median(timings), 3) if timings else 0.0,
        "seconds": round(record.seconds, 1),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
