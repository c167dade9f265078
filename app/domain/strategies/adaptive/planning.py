"""Several tries planned ahead, of which only the first is made.

P(any of a set approves) is submodular, so a greedy set is near the best. One is built
for each of several spacings, and each is priced exactly on the path where every try
before it failed, with the issuer's temper in it; after the answer all is planned anew.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.strategies.adaptive.belief import Belief
from app.domain.strategies.adaptive.effects import corrected, sequence_log_odds
from app.domain.strategies.adaptive.paydays import Floats
from app.domain.strategies.adaptive.tempers import heard

SPACINGS = (0.83, 1.8, 2.8, 4.02, 6.02, 7.02)
LATER_IS_WORSE = 0.004  # of the amount, a day: money sooner is worth a little more


@dataclass(frozen=True, slots=True)
class Plan:
    """Tries in order of time; `value` is the share of the amount expected, less the
    cost of the tries; `chance` that any of them is approved."""

    at: Floats
    value: float
    chance: float
    first_chance: float
    spacing: float = 0.0


@dataclass(frozen=True, slots=True)
class Slots:
    """Times that may be used, with the chance under each hypothesis (rows)."""

    at: Floats
    chances: Floats
    nearest: NDArray[np.int64]  # which even slot each belongs to


def best_plan(
    belief: Belief,
    slots: Slots,
    effects: Floats,
    *,
    tries: int,
    cost: float,
    one_each: bool = False,
    least_spacing: float = 0.0,
) -> Plan | None:
    """The best of the greedy plans; None when no try is worth its cost.

    `cost` of a try is a share of the amount. `one_each` allows one try for each even
    slot, for the time when the model may only nudge.
    """
    weights = belief.weights.sum(axis=0)
    best = None
    for spacing in SPACINGS:
        if spacing < least_spacing:
            continue
        chosen = _greedy(
            weights, slots, belief.sight.last, tries, cost, spacing, one_each=one_each
        )
        plan = priced(belief, slots, chosen, effects, cost=cost, spacing=spacing)
        if plan and (best is None or plan.value > best.value + 1e-9):
            best = plan
    return best


def _greedy(
    weights: Floats,
    slots: Slots,
    last: float,
    tries: int,
    cost: float,
    spacing: float,
    *,
    one_each: bool,
) -> list[int]:
    left = weights.copy()
    worth = np.exp(-LATER_IS_WORSE * (slots.at - last))
    free = slots.at >= last + spacing
    chosen: list[int] = []
    while len(chosen) < tries and free.any():
        gain = np.where(free, (left @ slots.chances) * worth, 0.0)
        pick = int(np.argmax(gain))
        if gain[pick] <= max(cost * left.sum(), 1e-6):
            break
        chosen.append(pick)
        left = left * (1 - slots.chances[:, pick])
        free &= np.abs(slots.at - slots.at[pick]) >= spacing - 0.2
        if one_each:
            free &= slots.nearest != slots.nearest[pick]
    return sorted(chosen, key=lambda index: float(slots.at[index]))


def priced(
    belief: Belief,
    slots: Slots,
    chosen: list[int],
    effects: Floats,
    *,
    cost: float,
    spacing: float = 0.0,
) -> Plan | None:
    """What a plan is worth on the path where each try before failed."""
    if not chosen:
        return None
    at = slots.at[chosen]
    looked_at = heard(belief.sight.tries, at)
    made = len(belief.sight.tries) - 1
    log_odds = sequence_log_odds(effects, at, belief.sight.last, made)
    misses = np.log1p(-corrected(slots.chances[:, chosen], log_odds[None, :]))
    value, chance, first = 0.0, 0.0, 0.0
    left = belief.weights
    reach = 1.0
    for step, moment in enumerate(at):
        left = left * np.exp(np.outer(looked_at[:, step], misses[:, step]))
        still = float(left.sum())
        paid = reach - still
        worth = float(np.exp(-LATER_IS_WORSE * (moment - belief.sight.last)))
        value += paid * worth - cost * reach
        chance += paid
        first = paid if step == 0 else first
        reach = still
    return Plan(at, value, chance, first, spacing)
