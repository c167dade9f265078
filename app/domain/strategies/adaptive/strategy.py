"""Adaptive: plans the tries that the belief calls for, when evidence allows it.

The even spread stands behind it: it is the plan to beat, case by case, and what is
done when the model cannot be asked.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from app.domain.cases import Case
from app.domain.limits import first_allowed, retries_left
from app.domain.steps import Alternative, GiveUp, RetryAt, Step, Strategy
from app.domain.strategies.adaptive import effects, words
from app.domain.strategies.adaptive.belief import Belief, belief
from app.domain.strategies.adaptive.gates import Gate, Stage, gate
from app.domain.strategies.adaptive.model import Model
from app.domain.strategies.adaptive.paydays import Floats
from app.domain.strategies.adaptive.planning import Plan, Slots, best_plan, priced
from app.domain.strategies.adaptive.sight import ZERO, chances, day_number, seen
from app.domain.strategies.adaptive.timetable import even_times, times
from app.domain.strategies.even_spread import EvenSpread

log = logging.getLogger(__name__)

USUAL_HOURS = (10.0, 8.5, 13.5, 16.5, 6.5, 19.0)
TRY_COST_CENTS = 12  # network and advice fees and goodwill: an estimate of ours
LEAST_COST, MOST_COST = 0.003, 0.03  # of the amount


class Adaptive:
    """A strategy with a model; the model is a value and never changes in here."""

    name = "adaptive"
    version = "1"

    def __init__(
        self, model: Model | None = None, *, even: Strategy | None = None
    ) -> None:
        self.model = model or Model.fresh()
        self.even = even or EvenSpread()
        self.gate = gate(self.model)

    def next_step(self, case: Case, *, now: datetime) -> Step:
        """The next step; the even spread's whenever the model fails."""
        even = self.even.next_step(case, now=now)
        if not isinstance(even, RetryAt):
            return even
        try:
            return self._step(case, even, now)
        except Exception:  # never no retry because the model failed
            log.exception("planned %s without the model", case.invoice_id)
            return replace(
                even, rules=(*even.rules, "the model failed: the even spread was used")
            )

    def _step(self, case: Case, even: RetryAt, now: datetime) -> Step:
        choice = Choice(self.model, self.gate, case, even, now)
        return choice.step()


class Choice:
    """One decision, with all that it rests on."""

    def __init__(
        self, model: Model, gate: Gate, case: Case, even: RetryAt, now: datetime
    ) -> None:
        self.model, self.gate, self.case, self.even, self.now = (
            model,
            gate,
            case,
            even,
            now,
        )
        self.sight = seen(case)
        self.belief: Belief = belief(model, self.sight)
        self.tries = retries_left(case)
        self.cost = cost_of_a_try(case)
        self.hour = effects.best_hours(model.effects, USUAL_HOURS)[0]
        first = day_number(even.at)
        left = even.evidence.get("tries_left")
        evens = even_times(
            first, self.sight.deadline, left if isinstance(left, int) else self.tries
        )
        earliest = day_number(first_allowed(case, now, now=now).at) + 0.001
        at = times(self.sight, earliest=earliest, hour=self.hour, even=evens)
        self.even_at = len(at) - len(evens)
        self.slots = self._slots(at, evens)

    def _slots(self, at: Floats, evens: Floats) -> Slots:
        log_odds = effects.features(at + self.sight.offset, 0.0) @ self.model.effects
        log_odds[: self.even_at] += self.model.effects[effects.DEPARTED_AT]
        found = effects.corrected(chances(self.sight, at), log_odds[None, :])
        nearest = np.abs(at[:, None] - evens[None, :]).argmin(axis=1)
        return Slots(at, found, nearest)

    def step(self) -> Step:
        """The even spread's try, the model's, or the end."""
        even = priced(
            self.belief,
            self.slots,
            list(range(self.even_at, len(self.slots.at))),
            self.model.effects,
            cost=self.cost,
        )
        plan = best_plan(
            self.belief,
            self.slots,
            self.model.effects,
            tries=self.tries,
            cost=self.cost,
            one_each=self.gate.stage is Stage.NUDGE,
        )
        assert even is not None
        if plan is None:
            if self.gate.may_stop:
                return GiveUp(words.not_worth_it(even.first_chance, self.cost))
            return self._even(even)
        if plan.value - even.value < self.gate.margin:
            return self._even(even)
        return self._departure(plan, even)

    def _even(self, even: Plan) -> RetryAt:
        return replace(
            self.even,
            probability=round(even.first_chance, 4),
            evidence=self._evidence("even spread", even, even),
        )

    def _departure(self, plan: Plan, even: Plan) -> RetryAt:
        at = ZERO + timedelta(days=float(plan.at[0]))
        return RetryAt(
            at=at.replace(microsecond=0),
            reason=words.reason(self.belief),
            probability=round(plan.first_chance, 4),
            alternatives=(
                Alternative(
                    self.even.at, "the even spread's time", round(even.first_chance, 4)
                ),
            ),
            evidence=self._evidence("model", plan, even),
        )

    def _evidence(self, by: str, plan: Plan, even: Plan) -> dict[str, object]:
        return {
            "plan": by,
            "stage": str(self.gate.stage),
            "learned_from": self.model.closed,
            "belief": words.causes(self.belief),
            "chance": round(plan.first_chance, 4),
            "chance_of_plan": round(plan.chance, 4),
            "chance_of_even_spread": round(even.chance, 4),
            "planned": [
                (ZERO + timedelta(days=float(at))).isoformat(timespec="minutes")
                for at in plan.at
            ],
            "value": round(plan.first_chance * self.case.amount.amount),
            "cost": round(self.cost * self.case.amount.amount),
            "unknown": list(self.sight.unknown),
        }


def cost_of_a_try(case: Case) -> float:
    """As a share of the amount: a fee's worth, never nothing and never prohibitive."""
    fee = TRY_COST_CENTS * 10 ** (case.amount.decimals - 2)
    return float(min(MOST_COST, max(LEAST_COST, fee / max(1, case.amount.amount))))
