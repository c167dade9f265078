"""The times that a plan may use: a good local hour a day, early ones after outages."""

import math

import numpy as np

from app.domain.strategies.adaptive.hours import moved
from app.domain.strategies.adaptive.paydays import Floats
from app.domain.strategies.adaptive.sight import Sight
from app.domain.strategies.even_spread import LEAN

LEAST_GAP = 19 / 24  # days: where the rules allow less, an outage may be over soon
EARLY = (0.5 / 24, 3 / 24, 8 / 24)
MARGIN = 0.03  # days kept free before the deadline


def times(sight: Sight, *, earliest: float, hour: float, even: Floats) -> Floats:
    """Candidate times in order, the even spread's own last.

    `earliest` is the first moment that the rules allow.
    """
    last = sight.deadline - MARGIN
    first_day = math.floor(earliest + sight.offset)
    last_day = math.floor(sight.deadline + sight.offset)
    days = np.arange(first_day, last_day + 1) + hour / 24 - sight.offset
    days = days[(days >= earliest) & (days <= last)]
    early = earliest + np.array(EARLY if earliest - sight.last < LEAST_GAP else ())
    early = early[early <= last]
    return np.concatenate([early, days, even])


def even_times(
    first: float, deadline: float, tries: int, *, hour: float, offset: float
) -> Floats:
    """The even spread from its next try on, its gaps leaning forward as it does, all
    but that try at a local hour."""
    found, end = [first], max(first, deadline - 0.02)
    for left in range(tries - 1, 0, -1):
        gap = (end - found[-1]) / left * (LEAN if left > 1 else 1)
        found.append(found[-1] + gap)
    later = [min(moved(at, hour, offset), end) for at in found[1:]]
    return np.array([first, *later])
