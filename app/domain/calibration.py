"""Believed chances against what happened, by bin: is a stated 30 % worth 30 %?"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

EDGES = (0.0, 0.05, 0.1, 0.2, 0.4, 1.0)


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
