"""How far the model may leave the even spread, by what it has shown so far."""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.strategies.adaptive.model import Model

EARLY_UNTIL, STOP_FROM = 200, 500  # closed cases
PROVEN_SKILL = 0.12
SHUT_MARGIN = 1.0  # all of the amount: no plan promises that
# What a plan must promise above the even spread, in shares of the amount: the least,
# where all that is said of times may be believed, and more while few cases have closed.
# Where less may be believed plans promise less already, but what they promise is also
# likelier to be luck; and where not even half may be, spacing is as little proven.
LEAST_MARGIN, EARLY = 0.012, 0.015
HALF, DOUBT = 0.5, 0.3
FREE_BELOW = 0.03  # of margin


class Stage(StrEnum):
    """What the model may do."""

    PRIOR = "prior"  # leave only where much is promised
    FREE = "free"  # plan by itself


@dataclass(frozen=True, slots=True)
class Gate:
    """The stage, and what a plan must promise above the even spread's, in shares of
    the amount, before it is taken."""

    stage: Stage
    margin: float
    may_stop: bool = False  # the model's word is enough to end a recovery early


def gate(model: Model) -> Gate:
    """Opens by degrees with proof; shut where nothing of what is said of times may be
    believed, for then nothing is left to go by."""
    margin = _margin(model)
    return Gate(
        Stage.FREE if margin < FREE_BELOW else Stage.PRIOR,
        margin,
        may_stop=model.closed >= STOP_FROM and model.skill >= PROVEN_SKILL,
    )


def _margin(model: Model) -> float:
    if model.timing <= 0:
        return SHUT_MARGIN
    early = max(0.0, 1 - model.closed / EARLY_UNTIL)
    lacking = max(0.0, HALF - model.timing)
    margin = LEAST_MARGIN / model.timing + DOUBT * lacking + EARLY * early
    return min(SHUT_MARGIN, margin)
