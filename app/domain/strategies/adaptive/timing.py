"""How much of what the model says of *when* the answers bear out.

Each try's chance is split in two: what it would be at any time, and how much better or
worse this time is said to be. The slope of the answers on the second is
one where days are what the model takes them for, nothing where days are alike however
well it knows who pays, and between where it is overconfident. It tells in some hundred
answers what the Brier score hides in thousands where one try in ten passes: there a
chance of 4 rather than 10 % hardly moves a squared error.
"""

from dataclasses import dataclass

import numpy as np

from app.domain.strategies.adaptive.hypotheses import Ints
from app.domain.strategies.adaptive.paydays import Floats

# Before any answer: the mean of the slopes and their spread over the worlds that the
# strategy was made with (benchmarks/README.md), where it lay between 0 and 1.6.
SLOPE, SPREAD = 0.75, 0.5
SURE = 1.0  # standard errors that are taken off
UNPROVEN = SLOPE - SURE * SPREAD
COUNTS = 8  # retries made before, told apart: cards that pass at all pass early
LEVEL_SPREAD = 0.5  # of the slope on what is said of the case, about one
ROUNDS = 30


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a model had said of tries that it was not learned from, and the answers."""

    at_time: Floats
    any_time: Floats
    approved: Floats
    count: Ints  # retries made before it


def borne_out(told: Foretold) -> float:
    """The share, 0 to 1, of what is said of times that may be believed: the slope less
    its standard error."""
    slope, error = _slope(told)
    return float(np.clip(slope - SURE * error, 0.0, 1.0))


def _slope(told: Foretold) -> tuple[float, float]:
    """The most probable slope and its error, by logistic regression with normal priors;
    beside it stand the number of the try and what is said of the case."""
    level, at_time = _log_odds(told.any_time), _log_odds(told.at_time)
    x = np.zeros((len(level), COUNTS + 2))
    x[np.arange(len(level)), np.minimum(told.count, COUNTS - 1)] = 1
    x[:, -2], x[:, -1] = level, at_time - level
    mean = np.array([0.0] * COUNTS + [1.0, SLOPE])
    precision = np.diag([1.0] * COUNTS + [LEVEL_SPREAD**-2, SPREAD**-2])
    found = mean
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-(x @ found)))
        uphill = x.T @ (told.approved - chance) - precision @ (found - mean)
        curve = (x * (chance * (1 - chance))[:, None]).T @ x + precision
        step = np.linalg.solve(curve, uphill)
        found = found + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-6:
            break
    return float(found[-1]), float(np.linalg.inv(curve)[-1, -1] ** 0.5)


def _log_odds(chance: Floats) -> Floats:
    kept = np.clip(chance, 0.002, 0.98)
    return np.asarray(np.log(kept) - np.log1p(-kept))
