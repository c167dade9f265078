"""The dashboard's numbers, from counts that are kept by cohort and by day.

A cohort is the recoveries whose first decline fell into one month. It is closed when
none of them is open any more; only closed cohorts have a rate, for an open one would
flatter or blacken it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from app.domain.money import Money
from app.domain.recovery import OPEN, ClosedAs, RecoveryStatus

# None of these is lost by us: the money came, or may come by hand, or we may no longer
# look.
_NOT_LOST = frozenset({ClosedAs.PAID_ELSEWHERE, ClosedAs.SENT, ClosedAs.DISCONNECTED})


@dataclass(frozen=True, slots=True)
class Cell:
    """How many recoveries of one cohort ended, or stand, in one way.

    `amount` is what was due, `recovered` what our retries brought; minor units.
    """

    currency: str
    cohort: str  # the month, as 2026-11
    status: RecoveryStatus
    closed_as: ClosedAs | None
    count: int
    amount: int
    recovered: int

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def is_lost(self) -> bool:
        """Given up, stopped, or ended at Stripe without being paid."""
        if self.status is RecoveryStatus.CLOSED:
            return self.closed_as is not None and self.closed_as not in _NOT_LOST
        return self.status in (RecoveryStatus.TERMINATED, RecoveryStatus.STOPPED)


@dataclass(frozen=True, slots=True)
class Ended:
    """Recoveries that ended on one day (or in one month, as of its first day)."""

    day: date
    cell: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How many retries of one number, weekday (Sunday is 0) and hour (UTC) were
    approved, or were not."""

    number: int
    weekday: int
    hour: int
    is_approved: bool
    count: int


@dataclass(frozen=True, slots=True)
class Cohort:
    """The recoveries whose first decline fell into one month, counted by their end."""

    month: str
    open: int
    recovered: int
    lost: int
    elsewhere: int

    @property
    def all(self) -> int:
        return self.open + self.recovered + self.lost + self.elsewhere


@dataclass(frozen=True, slots=True)
class Approval:
    """Of `all` answered retries, so many were approved."""

    approved: int
    all: int

    @property
    def share(self) -> float:
        return self.approved / self.all if self.all else 0.0


@dataclass(frozen=True, slots=True)
class Sum:
    """Some recoveries and their money."""

    count: int
    money: Money


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of how many recoveries of closed cohorts brought their money back.

    Those that were paid elsewhere count as not recovered: the rate is not flattered.
    """

    recovered: int
    all: int

    @property
    def share(self) -> float | None:
        """Between 0 and 1; None before the first cohort is closed."""
        return self.recovered / self.all if self.all else None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What became of the renewals that were first declined in a period.

    While some are open nobody knows the rate, only between what it will lie.
    """

    recovered: int
    open: int
    all: int

    @property
    def low(self) -> float | None:
        """If no open one is recovered; None where there is none at all."""
        return self.recovered / self.all if self.all else None

    @property
    def high(self) -> float | None:
        """If every open one is."""
        return (self.recovered + self.open) / self.all if self.all else None


@dataclass(frozen=True, slots=True)
class PeriodFigures:
    """One currency in one period. `at_risk` is what is open now, whenever it began."""

    currency: str
    at_risk: Sum
    declined: Sum  # renewals first declined in the period
    recovered: Sum  # by our retries, in the period
    lost: Sum
    elsewhere: Sum  # paid by the customer, the staff or Stripe
    rate: Bounds


def period_figures(
    *, now: Iterable[Cell], began: Iterable[Cell], ended: Iterable[Ended]
) -> list[PeriodFigures]:
    """Each currency's figures, the busiest one first.

    `now` are all recoveries, `began` those first declined in the period, `ended`
    those that ended in it.
    """
    standing, beginning = _by_currency(now), _by_currency(began)
    ending = _by_currency(each.cell for each in ended)
    found = [
        _in_period(
            currency,
            [cell for cell in standing[currency] if cell.is_open],
            beginning[currency],
            ending[currency],
        )
        for currency in {**standing, **beginning, **ending}
    ]
    return sorted(found, key=lambda of: (-_busy(of), of.currency))


def _busy(of: PeriodFigures) -> int:
    return of.at_risk.count + of.declined.count + of.recovered.count + of.lost.count


def _by_currency(cells: Iterable[Cell]) -> defaultdict[str, list[Cell]]:
    found: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        found[cell.currency].append(cell)
    return found


def _in_period(
    currency: str, at_risk: list[Cell], began: list[Cell], ended: list[Cell]
) -> PeriodFigures:
    won = [cell for cell in ended if cell.status is RecoveryStatus.RECOVERED]
    brought = Money(sum(cell.recovered for cell in won), currency)
    paid = [cell for cell in ended if cell.closed_as is ClosedAs.PAID_ELSEWHERE]
    return PeriodFigures(
        currency=currency,
        at_risk=_sum(at_risk, currency),
        declined=_sum(began, currency),
        recovered=Sum(sum(cell.count for cell in won), brought),
        lost=_sum([cell for cell in ended if cell.is_lost], currency),
        elsewhere=_sum(paid, currency),
        rate=Bounds(
            sum(c.count for c in began if c.status is RecoveryStatus.RECOVERED),
            sum(c.count for c in began if c.is_open),
            sum(c.count for c in began),
        ),
    )


def rate(cells: Iterable[Cell]) -> Rate:
    """The rate over the closed cohorts among these cells."""
    cells = list(cells)
    still_open = {cell.cohort for cell in cells if cell.is_open}
    closed = [cell for cell in cells if cell.cohort not in still_open]
    return Rate(
        recovered=sum(c.count for c in closed if c.status is RecoveryStatus.RECOVERED),
        all=sum(c.count for c in closed),
    )


def is_over(cohort: Cohort) -> bool:
    """Whether its share can no longer change."""
    return cohort.open == 0


def cohorts(cells: Iterable[Cell], *, most: int) -> list[Cohort]:
    """The newest `most` months, oldest first; all currencies, for these are counts."""
    by_month: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_month[cell.cohort].append(cell)
    return [_cohort(month, by_month[month]) for month in sorted(by_month)[-most:]]


def approval_by(
    answers: Iterable[Answered], by: Callable[[Answered], int]
) -> dict[int, Approval]:
    """How often retries were approved, by what `by` tells of them, in its order."""
    counts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for answer in answers:
        of = counts[by(answer)]
        of[0] += answer.count * answer.is_approved
        of[1] += answer.count
    return {key: Approval(*counts[key]) for key in sorted(counts)}


def _cohort(month: str, cells: list[Cell]) -> Cohort:
    still_open = sum(cell.count for cell in cells if cell.is_open)
    won = sum(c.count for c in cells if c.status is RecoveryStatus.RECOVERED)
    lost = sum(cell.count for cell in cells if cell.is_lost)
    rest = sum(cell.count for cell in cells) - still_open - won - lost
    return Cohort(month, still_open, won, lost, rest)


def _sum(cells: list[Cell], currency: str) -> Sum:
    amount = Money(sum(cell.amount for cell in cells), currency)
    return Sum(sum(cell.count for cell in cells), amount)
