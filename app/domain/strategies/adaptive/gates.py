"""How far the model may leave the even spread, by what it has shown so far."""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.strategies.adaptive.effects import DEPARTED_AT
from app.domain.strategies.adaptive.model import Model

EARLY_UNTIL, STOP_FROM = 200, 500  # closed cases
SHUT_MARGIN = 1.0  # all of the amount: no plan promises that
# What a plan must promise above the even spread, in shares of the amount: the least,
# and on top while few cases have closed; where skill is not proven, more so after many
# cases than after none; and for the log-odds, squared, by which leaving the even spread
# has disappointed: next to nothing for what luck does, much where leaving never pays.
LEAST_MARGIN, EARLY, DISAPPOINTED = 0.012, 0.015, 0.05
UNKNOWN, UNPROVEN = 0.04, 0.08
PROVEN_SKILL = 0.12
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
    early = max(0.0, 1 - model.closed / EARLY_UNTIL)
    unproven = early * UNKNOWN + (1 - early) * UNPROVEN
    disappointed = max(0.0, -float(model.effects[DEPARTED_AT]))
    return (
        LEAST_MARGIN
        + unproven * lacking**2
        + EARLY * early
        + DISAPPOINTED * disappointed**2
    )
