"""A back-test on a merchant's own history, with its limits said plainly.

What a bank would have answered is known only at times that were tried. A strategy is
followed through a past case for as long as each of its tries lies near one that was
made; where it goes elsewhere the case says nothing about it. The number of cases that
do say something is shown, and two strategies are not ranked when it is small.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import sqrt

from app.domain.cases import Case
from app.domain.decision import decide
from app.domain.declines import Codes, Decline, MadeBy
from app.domain.steps import Observe, RetryAt, Strategy

# A try half a day away on the same account is taken for the same try: answers on one
# day nearly all agree (CFPB, Online Payday Loan Payments, 2016).
NEAR = timedelta(hours=12)
LEAST_CASES = 100
Z = 1.96


@dataclass(frozen=True, slots=True)
class PastCase:
    """A case at its first decline, and the tries that were made: codes, or None for an
    approval, oldest first."""

    case: Case
    tries: tuple[tuple[datetime, Codes | None], ...]


class Ending(StrEnum):
    """What history says about a strategy's way through a case."""

    RECOVERED = "recovered"
    LOST = "lost"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Replay:
    """`known` of `cases` say something; the interval is for the known ones alone,
    which are not a fair sample of all."""

    cases: int
    known: int
    recovered: int

    @property
    def share(self) -> float | None:
        """Recovered among the known."""
        return self.recovered / self.known if self.known else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        n = self.known
        if not n:
            return (0.0, 1.0)
        p = self.recovered / n
        middle = p + Z * Z / (2 * n)
        half = Z * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        scale = 1 + Z * Z / n
        return (max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two strategies on the same history: each by itself, and on the cases that say
    something about both. Only the latter may be held against each other: what is
    known of one strategy alone is another choice of cases."""

    first: Replay
    second: Replay
    first_shared: Replay
    second_shared: Replay

    @property
    def verdict(self) -> str:
        """Which did better, where that can be said at all."""
        return verdict(self.first_shared, self.second_shared)


def compare(first: Strategy, second: Strategy, past: Sequence[PastCase]) -> Comparison:
    """Both strategies led through all past cases."""
    ones = [ending(first, each) for each in past]
    others = [ending(second, each) for each in past]
    both = [Ending.UNKNOWN not in pair for pair in zip(ones, others, strict=True)]
    return Comparison(
        _counted(ones),
        _counted(others),
        _counted([e if b else Ending.UNKNOWN for e, b in zip(ones, both, strict=True)]),
        _counted(
            [e if b else Ending.UNKNOWN for e, b in zip(others, both, strict=True)]
        ),
    )


def replay(strategy: Strategy, past: Iterable[PastCase]) -> Replay:
    """The strategy led through all past cases."""
    return _counted([ending(strategy, each) for each in past])


def _counted(endings: Sequence[Ending]) -> Replay:
    known = [each for each in endings if each is not Ending.UNKNOWN]
    return Replay(len(endings), len(known), known.count(Ending.RECOVERED))


def ending(strategy: Strategy, past: PastCase) -> Ending:
    """How the case would have ended, as far as its own tries tell."""
    case, now = past.case, past.case.declined_at
    left: Sequence[tuple[datetime, Codes | None]] = past.tries
    while True:
        step = decide(strategy, case, now=now)
        if isinstance(step, Observe):
            return Ending.UNKNOWN  # it leaves the charging to others
        if not isinstance(step, RetryAt):
            return Ending.LOST
        near = [each for each in left if abs(each[0] - step.at) <= NEAR]
        if not near:
            return Ending.UNKNOWN
        at, codes = min(near, key=lambda each: abs(each[0] - step.at))
        if codes is None:
            return Ending.RECOVERED
        left = [each for each in left if each[0] > at]
        now = max(at, now)
        case = _refused(case, at, codes)


def _refused(case: Case, at: datetime, codes: Codes) -> Case:
    return replace(
        case,
        declines=(*case.declines, Decline(at, codes, MadeBy.METRICSCO)),
        charges=case.charges + 1,
        retries=case.retries + 1,
    )


def verdict(first: Replay, second: Replay) -> str:
    """Which of two did better on the same history, where that can be said at all."""
    least = min(first.known, second.known)
    if least < LEAST_CASES:
        return (
            f"Not ranked: {least} of {first.cases} past cases say anything about "
            f"both; {LEAST_CASES} are needed."
        )
    if first.interval[0] > second.interval[1]:
        return "The first did better on the cases that say something."
    if second.interval[0] > first.interval[1]:
        return "The second did better on the cases that say something."
    return "Not ranked: the intervals overlap."
