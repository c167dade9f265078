"""How far the model may leave the even spread, by what it has shown so far."""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.strategies.adaptive.effects import DEPARTED_AT
from app.domain.strategies.adaptive.model import Model

NUDGE_FROM = 200  # closed cases
FREE_FROM = 500
SHUT_MARGIN = 1.0  # all of the amount: no plan promises that
PRIOR_MARGIN = 0.08
EARLY_MARGIN = 0.03  # few closed cases, but the chances stated came true
LEAST_MARGIN = 0.012
LEAST_SKILL, PROVEN_SKILL = 0.04, 0.12


class Stage(StrEnum):
    """What the model may do."""

    PRIOR = "prior"  # leave only where a broad prior says that much is gained
    NUDGE = "nudge"  # move each try of the even spread to a better day near it
    FREE = "free"  # plan by itself


@dataclass(frozen=True, slots=True)
class Gate:
    """The stage, and what a plan must promise above the even spread's, in shares of
    the amount, before it is taken."""

    stage: Stage
    margin: float
    may_stop: bool = False  # the model's word is enough to end a recovery early


def gate(model: Model) -> Gate:
    """Fails shut: without skill over the base rate the prior's margin stands, and where
    the chances stated were worse than the base rate nothing is left to go by."""
    if model.skill < 0:
        return Gate(Stage.PRIOR, SHUT_MARGIN)
    elif model.closed < NUDGE_FROM or model.skill < LEAST_SKILL:
        is_early = model.closed < NUDGE_FROM and model.skill >= PROVEN_SKILL
        return Gate(Stage.PRIOR, EARLY_MARGIN if is_early else PRIOR_MARGIN)
    elif model.closed < FREE_FROM:
        return Gate(Stage.NUDGE, 0.005 + _margin(model))
    else:
        return Gate(Stage.FREE, _margin(model), may_stop=model.skill >= PROVEN_SKILL)


def _margin(model: Model) -> float:
    """Smaller with skill, larger where leaving the even spread has disappointed."""
    unproven = max(0.0, 1 - model.skill / PROVEN_SKILL)
    disappointed = max(0.0, -float(model.effects[DEPARTED_AT]))
    return LEAST_MARGIN + 0.08 * unproven + 0.08 * disappointed
