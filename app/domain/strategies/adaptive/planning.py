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
SAME_DAY = 0.7
LEEWAY = 0.2  # days by which a spacing may fall short: hours differ, days count
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
) -> Plan | None:
    """The best of the greedy plans; None when no try is worth its cost.

    `cost` of a try is a share of the amount. `one_each` allows one try for each even
    slot, for the time when the model may only nudge.
    """
    greedy = _Greedy(belief, slots, tries, cost, one_each)
    best = None
    seen: set[tuple[int, ...]] = set()
    for spacing in SPACINGS:
        chosen = greedy.chosen(spacing)
        if tuple(chosen) in seen:
            continue
        seen.add(tuple(chosen))
        plan = priced(belief, slots, chosen, effects, cost=cost, spacing=spacing)
        if plan and (best is None or plan.value > best.value + 1e-9):
            best = plan
    return best


class _Greedy:
    """Takes the slot that adds most, again and again, for a given spacing."""

    def __init__(
        self, belief: Belief, slots: Slots, tries: int, cost: float, one_each: bool
    ) -> None:
        self.weights = belief.weights.sum(axis=0)
        self.slots, self.tries, self.cost = slots, tries, cost
        self.one_each = one_each
        self.last = belief.sight.last
        self.worth = np.exp(-LATER_IS_WORSE * (slots.at - self.last))

    def chosen(self, spacing: float) -> list[int]:
        """The slots taken, in order of time."""
        slots, left = self.slots, self.weights
        # Slots of the same day are there only where the rules allow them: after the
        # first fault of the machinery, where waiting gains nothing.
        free = (slots.at >= self.last + spacing) | (slots.at < self.last + SAME_DAY)
        taken: list[int] = []
        while free.any() and len(taken) < self.tries:
            gain = np.where(free, (left @ slots.chances) * self.worth, 0.0)
            pick = int(np.argmax(gain))
            if gain[pick] <= max(self.cost * left.sum(), 1e-6):
                break
            taken.append(pick)
            left = left * (1 - slots.chances[:, pick])
            free &= np.abs(slots.at - slots.at[pick]) >= spacing - LEEWAY
            if self.one_each:
                free &= slots.nearest != slots.nearest[pick]
        return sorted(taken, key=lambda index: float(slots.at[index]))


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
    misses = 1 - corrected(slots.chances[:, chosen], log_odds[None, :])
    left = belief.weights.copy()
    reach = np.ones(len(at) + 1)
    for step in range(len(at)):
        left[looked_at[:, step]] *= misses[:, step]
        reach[step + 1] = left.sum()
    paid = reach[:-1] - reach[1:]
    worth = np.exp(-LATER_IS_WORSE * (at - belief.sight.last))
    value = float((paid * worth - cost * reach[:-1]).sum())
    return Plan(at, value, float(paid.sum()), float(paid[0]), spacing)
