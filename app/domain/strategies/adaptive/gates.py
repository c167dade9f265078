"""How far the model may leave the even spread, by what it has shown so far."""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.strategies.adaptive.effects import DEPARTED_AT
from app.domain.strategies.adaptive.model import Model

EARLY_UNTIL, STOP_FROM = 200, 500  # closed cases
SHUT_MARGIN = 1.0  # all of the amount: no plan promises that
# What a plan must promise above the even spread, in shares of the amount: the least,
# and on top while few cases have closed; where skill is not proven, more so after many
# cases than after none, and hardly to be reached where they have proven nothing at all:
# where times are worth nothing, nothing is moved. And for the log-odds by which leaving
# the even spread has disappointed: next to nothing for what luck does, and soon more
# than plans promise from where a third of what was stated did not come.
LEAST_MARGIN, EARLY = 0.012, 0.015
UNKNOWN, UNPROVEN, NOTHING_PROVEN = 0.04, 0.08, 0.3
BARELY_PROVEN, PROVEN_SKILL = 0.01, 0.12
DISAPPOINTED, WRONG, WRONG_FROM = 0.05, 10.0, 0.35
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
    """Opens by degrees with proof; shut where the chances stated were worse than the
    base rate, for then nothing is left to go by."""
    if model.skill < 0:
        return Gate(Stage.PRIOR, SHUT_MARGIN)
    margin = _margin(model)
    return Gate(
        Stage.FREE if margin < FREE_BELOW else Stage.PRIOR,
        margin,
        may_stop=model.closed >= STOP_FROM and model.skill >= PROVEN_SKILL,
    )


def _margin(model: Model) -> float:
    lacking = max(0.0, 1 - model.skill / PROVEN_SKILL)
    nothing = max(0.0, 1 - model.skill / BARELY_PROVEN)
    early = max(0.0, 1 - model.closed / EARLY_UNTIL)
    unproven = early * UNKNOWN + (1 - early) * UNPROVEN
    disappointed = max(0.0, -float(model.effects[DEPARTED_AT]))
    return (
        LEAST_MARGIN
        + unproven * lacking**2
        + (1 - early) * NOTHING_PROVEN * nothing
        + EARLY * early
        + DISAPPOINTED * disappointed**2
        + WRONG * max(0.0, disappointed - WRONG_FROM) ** 2
    )
