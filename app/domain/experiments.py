"""Comparing two strategies fairly: who takes which, how many it needs, what it shows.

Allocation is by customer and sticks. The result is the share of declined renewals
paid within the window by any route, whatever became of them in between: only that
does not credit us with customers who would have paid anyway.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from statistics import NormalDist

ALPHA = 0.05  # two-sided: one experiment in twenty without a difference may show one
POWER = 0.8
# Below this many closed renewals in either arm the normal law is not yet trusted.
LEAST_CLOSED = 100
# A result that takes longer is not waited for: plans, prices and banks change.
NEVER_AFTER_MONTHS = 60
_YEARS = NEVER_AFTER_MONTHS // 12
BASE_SHARE = 0.45  # paid by any route where a merchant has no history yet


class Arm(StrEnum):
    """The two sides of an experiment."""

    CONTROL = "control"
    TREATMENT = "treatment"


def arm_of(customer_id: str, *, seed: str, treatment_percent: int) -> Arm:
    """The customer's arm: random by customer, the same whenever it is asked."""
    digest = blake2b(f"{seed}|{customer_id}".encode(), digest_size=8).digest()
    share = int.from_bytes(digest) / 2**64
    return Arm.TREATMENT if share * 100 < treatment_percent else Arm.CONTROL


@dataclass(frozen=True, slots=True)
class Sums:
    """What an arm has come to, summed over customers, who may have several renewals.

    `of` is what could be won (renewals, or money), `won` what was; the squares and the
    product are of each customer's sums. `count` is the number of renewals.
    """

    count: int
    customers: int
    of: float
    won: float
    of_squared: float
    of_won: float
    won_squared: float

    @property
    def share(self) -> float:
        """Won of what could be won."""
        return self.won / self.of if self.of else 0.0

    @property
    def variance(self) -> float:
        """Of the share, with errors clustered by customer; never nothing."""
        p, n = self.share, max(1, self.count)
        wary = (p * n + 1) / (n + 2)
        least = wary * (1 - wary) / n
        if self.customers < 2 or not self.of:
            return least
        spread = self.won_squared - 2 * p * self.of_won + p * p * self.of_squared
        clustered = spread / self.of**2 * self.customers / (self.customers - 1)
        return max(least, clustered)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Treatment less control, in shares (0.05 is five points), with its interval."""

    difference: float
    low: float
    high: float


def estimate(control: Sums, treatment: Sums, *, planned: int) -> Estimate:
    """The difference with an interval that may be looked at on any day.

    `planned` is the number of renewals in each arm at which it is to be narrowest.
    """
    variance = control.variance + treatment.variance
    n = _harmonic_mean(control.count, treatment.count)
    half = half_width(n, n * variance, tuned_to=planned)
    difference = treatment.share - control.share
    # No difference of shares goes beyond a hundred points, whatever the formula says.
    return Estimate(
        difference, max(-1.0, difference - half), min(1.0, difference + half)
    )


def _harmonic_mean(one: int, other: int) -> float:
    return 2 * one * other / (one + other) if one and other else 1.0


def half_width(
    n: float, variance: float, *, tuned_to: int, alpha: float = ALPHA
) -> float:
    """Half of an asymptotic confidence sequence's width after `n` renewals an arm.

    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory
    and asymptotic confidence sequences" (arXiv 2103.06476): it covers the truth at all
    times at once, so looking every day is allowed. `variance` is the sum of both arms'.
    """
    rho2 = _rho_squared(tuned_to, alpha)
    spread = 2 * (n * rho2 + 1) / (n * n * rho2)
    return math.sqrt(variance * spread * math.log(math.sqrt(n * rho2 + 1) / alpha))


def _rho_squared(tuned_to: int, alpha: float) -> float:
    """The tuning that makes the interval narrowest at that many renewals an arm."""
    wide = -2 * math.log(alpha)
    return (wide + math.log(wide + 1)) / max(1, tuned_to)


def needed_at_the_end(difference: float, base: float) -> int:
    """Renewals an arm to show the difference by one look at the end (80 % of times)."""
    normal = NormalDist()
    z = normal.inv_cdf(1 - ALPHA / 2) + normal.inv_cdf(POWER)
    return math.ceil(z * z * _variance(difference, base) / difference**2)


def needed_on_any_day(difference: float, base: float) -> int:
    """Renewals an arm to show the difference where every day may be looked at."""
    variance, z = _variance(difference, base), NormalDist().inv_cdf(POWER)

    def shows(n: int) -> bool:
        half = half_width(n, variance, tuned_to=n)
        return half + z * math.sqrt(variance / n) <= difference

    low, high = 1, 2
    while not shows(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shows(middle) else (middle, high)
    return high


def _variance(difference: float, base: float) -> float:
    other = min(0.99, base + difference)
    return base * (1 - base) + other * (1 - other)


@dataclass(frozen=True, slots=True)
class Outlook:
    """How long a merchant with so many declines a month measures for a difference."""

    points: int
    months_at_the_end: int | None  # None: never
    months_on_any_day: int | None


def outlook(
    points: int, *, monthly: float, treatment_percent: int = 50, base: float
) -> Outlook:
    """Months for a difference of so many points."""
    share = treatment_percent / 100
    per_month = 2 * monthly * share * (1 - share)  # as equal arms would have it, each

    def months(needed: int) -> int | None:
        if per_month <= 0:
            return None
        wanted = math.ceil(needed / per_month)
        return wanted if wanted <= NEVER_AFTER_MONTHS else None

    difference = points / 100
    return Outlook(
        points,
        months(needed_at_the_end(difference, base)),
        months(needed_on_any_day(difference, base)),
    )


def outlook_sentence(monthly: int, *, base: float, treatment_percent: int = 50) -> str:
    """What this merchant can hope to show, said before anything is started.

    First by one look at the end, as such sizes are commonly told; then as the verdict
    here is read, on any day.
    """
    ten, one = (
        outlook(points, monthly=monthly, treatment_percent=treatment_percent, base=base)
        for points in (10, 1)
    )
    declines = f"{monthly:,} decline{'' if monthly == 1 else 's'} a month"
    if ten.months_at_the_end is None:
        return (
            f"At {declines} you can show neither 10 points nor 1 point within {_YEARS} "
            "years: only a larger difference, if any."
        )
    months = _in_months(one.months_at_the_end)
    one_point = f"1 point {months}" if months else "never 1 point"
    on_any_day = _in_months(ten.months_on_any_day)
    return (
        f"At {declines} you can show 10 points {_in_months(ten.months_at_the_end)}, "
        f"and {one_point}. That is with one look at the end; read on any day, as the "
        "verdict here may be, 10 points show "
        f"{on_any_day or f'hardly ever within {_YEARS} years'}."
    )


def _in_months(months: int | None) -> str:
    if months is None:
        return ""
    return f"in about {months} month{'s' if months > 1 else ''}"
