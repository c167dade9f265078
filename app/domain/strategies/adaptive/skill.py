"""Whether the chances stated beforehand knew anything of *when*: the proof that a plan
may leave the even spread.

They are held against what anybody knows without a calendar: how often tries of this
code and funding pass, and how often the first, the second, the third. Cards that pass
at all pass early, so chances that merely fall from try to try beat a base rate by
code, and say nothing about days.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.strategies.adaptive.hypotheses import Ints
from app.domain.strategies.adaptive.lessons import Lesson
from app.domain.strategies.adaptive.paydays import Floats

LEAST_STATED = 150  # answers without which no skill is proven
# The newest answers are judged by themselves too: what held last quarter may be over.
NEWEST_STATED = 600
PSEUDO = 10.0  # answers of its own that a rate needs to outweigh the wider one's
COUNTS = 8


@dataclass(frozen=True, slots=True)
class Told:
    """Answers to tries for which a chance was stated, in order of time."""

    stated: Floats
    approved: Floats
    context: Ints  # code and funding
    count: Ints  # retries made before it
    case: Ints

    @staticmethod
    def of(lessons: Sequence[Lesson]) -> "Told":
        """All of these lessons' answers."""
        sizes = [len(one.at) for one in lessons]
        stated = np.concatenate([one.stated for one in lessons])
        order = np.argsort(np.concatenate([one.at for one in lessons]), kind="stable")
        known = order[np.isfinite(stated[order])]
        approved = np.concatenate([one.answers for one in lessons])
        context = np.repeat([one.sight.context for one in lessons], sizes)
        count = np.concatenate([np.arange(size) for size in sizes])
        case = np.repeat(np.arange(len(lessons)), sizes)
        return Told(stated, approved, context, count, case).picked(known)

    def picked(self, which: Ints | slice) -> "Told":
        """Some of them, in that order."""
        return Told(
            self.stated[which],
            self.approved[which],
            self.context[which],
            self.count[which],
            self.case[which],
        )

    def __len__(self) -> int:
        return len(self.stated)


def skill(told: Told) -> float:
    """Brier score's gain over the base rates: 0 is none, 1 is all.

    Above zero only as far as it is proven: of all answers less its standard error, or
    of the newest, where that is lower. Below zero only where it is disproven, by two
    standard errors. Zero where little is known.
    """
    if len(told) < LEAST_STATED:
        return 0.0
    gain, error = _gain(told)
    newest, of_newest = _gain(told.picked(slice(-NEWEST_STATED, None)))
    if min(gain + 2 * error, newest + 2 * of_newest) < 0:
        # Where nearly all answers are alike, hardly anything is left to be gained.
        return max(-1.0, min(gain, newest))
    return max(0.0, min(gain - error, newest))


def _gain(told: Told) -> tuple[float, float]:
    """The gain, and its standard error with tries of one case taken together."""
    base = _base(told)
    plain = (base - told.approved) ** 2
    if not plain.any():
        return 0.0, 0.0
    better = plain - (told.stated - told.approved) ** 2
    by_case = np.bincount(told.case, better)
    cases = len(np.unique(told.case))
    spread = float((by_case**2).sum() - by_case.sum() ** 2 / cases)
    whole = float(plain.sum())
    return float(better.sum()) / whole, max(0.0, spread) ** 0.5 / whole


def _base(told: Told) -> Floats:
    """The rate of the other tries of that code, funding and number: each is left out of
    its own, and few are drawn to the rates of the code and of the number."""
    y, count = told.approved, np.minimum(told.count, COUNTS - 1)
    everyone = np.full(len(y), max(y.mean(), 1e-3))
    by_context = _others(y, told.context, everyone)
    by_count = _others(y, count, everyone)
    both = np.clip(by_context * by_count / everyone, 0.005, 0.95)
    return _others(y, told.context * COUNTS + count, both)


def _others(y: Floats, key: Ints, wider: Floats) -> Floats:
    sums, sizes = np.bincount(key, y), np.bincount(key)
    return np.asarray((sums[key] - y + PSEUDO * wider) / (sizes[key] - 1 + PSEUDO))
