"""Several tries planned ahead, of which only the first is made.

P(any of a set approves) is submodular, so a greedy set is near the best. One is built
for each of several spacings and for each day on which the plan might end, and each is
priced exactly on the path where every try before it failed, with the issuer's temper
in it; after the answer all is planned anew. The plans of every shorter window are
among the candidates, so that more time is never worth less.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.strategies.adaptive.belief import Belief
from app.domain.strategies.adaptive.effects import as_odds, sequence_log_odds
from app.domain.strategies.adaptive.paydays import Floats
from app.domain.strategies.adaptive.tempers import heard

SPACINGS = np.array([0.83, 2.8, 4.02, 6.02])  # days: one for each kind of temper
DENSE = SPACINGS[:1]
SAME_DAY = 0.7
LEEWAY = 0.2  # days by which a spacing may fall short: hours differ, days count
LATER_IS_WORSE = 0.004  # of the amount, a day: money sooner is worth a little more
AT_ONCE = 8  # plans priced before the hopeless among the others are left out
LONG_AFTER = 1000.0  # days: where a plan has fewer tries than another beside it

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Plan:
    """Tries in order of time; `worth` is the share of the amount expected, `value`
    that less the cost of the tries; `chance` that any of them is approved."""

    at: Floats
    value: float
    worth: float
    chance: float
    first_chance: float


@dataclass(frozen=True, slots=True)
class Slots:
    """Times that may be used, with the chance under each hypothesis (rows)."""

    at: Floats
    chances: Floats
    nearest: Ints  # which even slot each belongs to


def best_plan(
    belief: Belief,
    slots: Slots,
    effects: Floats,
    *,
    tries: int,
    cost: float,
    one_each: bool = False,
    spacings: Floats = SPACINGS,
) -> Plan | None:
    """The best of the greedy plans; None when no try is worth its cost.

    `cost` of a try is a share of the amount. `one_each` allows one try for each even
    slot, for the time when the model may only nudge.
    """
    found = _greedy_sets(belief, slots, tries, spacings, cost=cost, one_each=one_each)
    if not len(found):
        return None
    sets = _Sets(belief, slots, found, effects, cost=cost)
    ceilings = sets.ceilings()
    order = np.argsort(-ceilings, kind="stable")
    plans = sets.plans(order[:AT_ONCE])
    best = max(plan.value for plan in plans)
    others = order[AT_ONCE:][ceilings[order[AT_ONCE:]] > best]
    plans += sets.plans(others)
    return max(plans, key=lambda plan: plan.value)


def priced(
    belief: Belief, slots: Slots, chosen: Bools, effects: Floats, *, cost: float
) -> Plan:
    """What a set of slots is worth on the path where each try before failed."""
    sets = _Sets(belief, slots, chosen[None], effects, cost=cost)
    return sets.plans(np.array([0]))[0]


def _greedy_sets(
    belief: Belief,
    slots: Slots,
    tries: int,
    spacings: Floats,
    *,
    cost: float,
    one_each: bool,
) -> Bools:
    """Sets of slots, a row each: for each spacing and each last slot that may be used,
    what is taken when the slot that adds most is taken again and again."""
    at, last = slots.at, belief.sight.last
    spacing = np.repeat(spacings, len(at))
    in_time = at <= np.tile(np.sort(at), len(spacings))[:, None]
    taken = np.zeros_like(in_time)
    # Rows that have taken the same slots so far stand in one state: worked once.
    rows, state = np.arange(len(spacing)), np.repeat(np.arange(len(spacings)), len(at))
    # Slots of the same day are there only where the rules allow them: after the
    # first fault of the machinery, where waiting gains nothing.
    free = (at >= last + spacings[:, None]) | (at < last + SAME_DAY)
    left = np.tile(belief.weights.sum(axis=0), (len(spacings), 1))
    worth = slots.chances * np.exp(-LATER_IS_WORSE * (at - last))
    missed = np.ascontiguousarray(1 - slots.chances.T)
    apart = np.abs(at[:, None] - at) + LEEWAY
    for _ in range(tries if len(at) else 0):
        # Rounded, so that it is the same however many rows are worked at together.
        gains = np.where(free, np.round(left @ worth, 12), 0.0)
        gain = np.where(in_time[rows], gains[state], 0.0)
        pick = gain.argmax(axis=1)
        adds = gain[np.arange(len(pick)), pick]
        goes_on = adds > np.maximum(cost * left.sum(axis=1), 1e-6)[state]
        rows, state, pick = rows[goes_on], state[goes_on], pick[goes_on]
        if not len(rows):
            break
        taken[rows, pick] = True
        _, one, now = np.unique(
            state * len(at) + pick, return_index=True, return_inverse=True
        )
        before, pick, wide = state[one], pick[one], spacing[rows[one], None]
        left, state = left[before] * missed[pick], now
        free = free[before] & (apart[pick] >= wide)
        if one_each:
            free &= slots.nearest != slots.nearest[pick][:, None]
    return _different(taken[taken.any(axis=1)])


def _different(sets: Bools) -> Bools:
    """Each set once, where it comes first."""
    packed = np.packbits(sets, axis=1)
    first = {row.tobytes(): number for number, row in reversed([*enumerate(packed)])}
    return sets[sorted(first.values())]


def _missed(chances: Floats, odds: Floats) -> Floats:
    """One less the corrected chance, by set, try and hypothesis; in place, for these
    are the largest arrays of a decision."""
    scale = chances * (odds - 1)[:, :, None]
    scale += 1
    np.subtract(1, chances, out=chances)
    return np.divide(chances, scale, out=chances)


class _Sets:
    """Sets of slots in order of time, a row each, as tries that follow each other.

    Rows with fewer tries than others are filled up with tries that never pass.
    """

    def __init__(
        self, belief: Belief, slots: Slots, sets: Bools, effects: Floats, *, cost: float
    ) -> None:
        self.belief, self.cost = belief, cost
        sight, self.tries = belief.sight, sets.sum(axis=1)
        most = int(self.tries.max())
        in_time = np.argsort(slots.at, kind="stable")
        fill = np.argsort(~sets[:, in_time], axis=1, kind="stable")[:, :most]
        chosen = in_time[fill]
        self.is_try = np.arange(most) < self.tries[:, None]
        later = slots.at.max() + LONG_AFTER * np.arange(1, most + 1)
        self.at = np.where(self.is_try, slots.at[chosen], later)
        made = len(sight.tries) - 1
        odds = as_odds(sequence_log_odds(effects, self.at, sight.last, made))
        odds *= self.is_try
        self.missed = _missed(np.ascontiguousarray(slots.chances.T)[chosen], odds)
        self.discount = np.exp(-LATER_IS_WORSE * (self.at - sight.last))

    def ceilings(self) -> Floats:
        """No plan is worth more than if every issuer looked at every try."""
        left = np.tile(self.belief.weights.sum(axis=0), (len(self.at), 1))
        reach = np.ones((len(self.at), self.at.shape[1] + 1))
        for step in range(self.at.shape[1]):
            left *= self.missed[:, step]
            reach[:, step + 1] = left.sum(axis=1)
        return self._worth(reach)[1]

    def plans(self, rows: Ints) -> list[Plan]:
        """These rows priced exactly."""
        looked_at = heard(self.belief.sight.tries, self.at[rows])
        left = np.tile(self.belief.weights, (len(rows), 1, 1))
        reach = np.ones((len(rows), self.at.shape[1] + 1))
        for step in range(self.at.shape[1]):
            missed = self.missed[rows, None, step]
            left *= np.where(looked_at[:, :, step, None], missed, 1.0)
            reach[:, step + 1] = left.sum(axis=(1, 2))
        worth, value = self._worth(reach, rows)
        paid = reach[:, :-1] - reach[:, 1:]
        return [
            Plan(
                self.at[row, : self.tries[row]],
                float(value[number]),
                float(worth[number]),
                float(paid[number].sum()),
                float(paid[number, 0]),
            )
            for number, row in enumerate(rows)
        ]

    def _worth(self, reach: Floats, rows: Ints | None = None) -> tuple[Floats, Floats]:
        """Before and after the cost of the tries, by row."""
        every = np.arange(len(self.at)) if rows is None else rows
        paid = reach[:, :-1] - reach[:, 1:]
        worth = (paid * self.discount[every]).sum(axis=1)
        costs = self.cost * (reach[:, :-1] * self.is_try[every]).sum(axis=1)
        return worth, worth - costs
