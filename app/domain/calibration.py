"""Believed chances against what happened, by bin: is a stated 30 % worth 30 %?"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

_Z = 1.96
EDGES = (0.0, 0.05, 0.1, 0.2, 0.4, 1.0)


class Fit(StrEnum):
    """How a believed chance stands to what happened."""

    FITS = "fits"
    TOO_HIGH = "too_high"
    TOO_LOW = "too_low"


@dataclass(frozen=True, slots=True)
class Bin:
    """Tries whose believed chance lay from `low` to below `high`.

    `believed` is their mean stated chance, `happened` the share that was approved.
    """

    low: float
    high: float
    tries: int
    believed: float
    happened: float

    @property
    def likely(self) -> tuple[float, float]:
        """Where the true share lies in 95 of 100 cases (Wilson's interval)."""
        n, share, z2 = self.tries, self.happened, _Z * _Z
        middle = (share + z2 / (2 * n)) / (1 + z2 / n)
        spread = math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
        half = _Z * spread / (1 + z2 / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    @property
    def fit(self) -> Fit:
        """Whether the believed chance is one that the answers allow."""
        least, most = self.likely
        if self.believed > most:
            return Fit.TOO_HIGH
        return Fit.TOO_LOW if self.believed < least else Fit.FITS


def calibration(told: Iterable[tuple[float, bool]]) -> list[Bin]:
    """The bins that hold any try, of pairs (stated chance, was approved)."""
    pairs = list(told)
    found = []
    for low, high in pairwise(EDGES):
        inside = [
            (chance, approved)
            for chance, approved in pairs
            if low <= chance < high or (high == EDGES[-1] and chance == high)
        ]
        if inside:
            believed = sum(chance for chance, _ in inside) / len(inside)
            happened = sum(approved for _, approved in inside) / len(inside)
            found.append(Bin(low, high, len(inside), believed, happened))
    return found


@dataclass(frozen=True, slots=True)
class Score:
    """Brier scores, the mean squared distance of chance and answer: less is better.

    `plain` is that of saying the same chance, the average, for every try.
    """

    tries: int
    brier: float
    plain: float


def score(told: Sequence[tuple[float, bool]]) -> Score | None:
    """How much the stated chances know; None of nothing."""
    if not told:
        return None
    share = sum(approved for _, approved in told) / len(told)
    brier = sum((chance - approved) ** 2 for chance, approved in told) / len(told)
    return Score(len(told), brier, share * (1 - share))
