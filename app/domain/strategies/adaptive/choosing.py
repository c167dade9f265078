"""One decision: the even spread's try, the model's own, or the end, with grounds."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from app.domain.cases import Case
from app.domain.limits import first_allowed, retries_left
from app.domain.local_time import in_words, zone_of
from app.domain.steps import Alternative, GiveUp, RetryAt, Step
from app.domain.strategies.adaptive import effects, hours, words
from app.domain.strategies.adaptive.belief import Belief, belief
from app.domain.strategies.adaptive.gates import Gate
from app.domain.strategies.adaptive.model import Model
from app.domain.strategies.adaptive.paydays import Floats
from app.domain.strategies.adaptive.planning import (
    DENSE,
    SPACINGS,
    Plan,
    Slots,
    best_plan,
    priced,
)
from app.domain.strategies.adaptive.sight import (
    ZERO,
    believed_chances,
    day_number,
    seen,
)
from app.domain.strategies.adaptive.timetable import MARGIN, even_times, times

EVEN_HOUR = 11.0  # the middle one of the even spread's
TRY_COST_CENTS = 12  # network and advice fees and goodwill: an estimate of ours
LEAST_COST, MOST_COST = 0.003, 0.015  # of the amount
RUNNERS_UP = 3
SAME_TIME = 0.01  # days: a plan may take the even spread's time beside the model's
# Small chances are those that a model knows least: a recovery ends early only when its
# tries are believed to bring less than this part of what they are taken to cost.
HOPELESS = 0.5
SHORT_WINDOW, SHORT_MARGIN = 20.0, 0.04  # days, share of the amount
# Below, tries are a day apart, and one lost to learn of an hour is not made up for.
LEAST_EXPLORED = 10.0  # days


class Choice:
    """One decision, with all that it rests on."""

    def __init__(
        self, model: Model, gate: Gate, case: Case, even: RetryAt, now: datetime
    ) -> None:
        self.model, self.gate, self.case, self.even = model, gate, case, even
        self.sight, self.local = seen(case), zone_of(case)
        self.belief: Belief = belief(model, self.sight)
        self.window = self.sight.deadline - self.sight.first
        self.is_short = self.window < SHORT_WINDOW
        left = even.evidence.get("tries_left")
        # Never more than the even spread would make of this case.
        self.tries = left if isinstance(left, int) else retries_left(case)
        self.cost = cost_of_a_try(case)
        self.earliest = day_number(first_allowed(case, now, now=now).at) + 0.001
        hour = hours.best_hour(model) if self.local.is_known else hours.UNKNOWN
        self.even_at, self.even_propensity = self._even_time(hour)
        evens = even_times(
            self.even_at,
            self.sight.deadline,
            self.tries,
            hour=hour if self._leaves_even(hour) else EVEN_HOUR,
            offset=self.sight.offset,
        )
        at = times(self.sight, earliest=self.earliest, hour=hour, even=evens)
        self.even_from = len(at) - len(evens)
        self.slots = self._slots(at, evens)

    def _even_time(self, hour: float) -> tuple[float, float]:
        """The even spread's day, at its own hour unless another is clearly better or
        still to be learned of; and the probability of that."""
        own = day_number(self.even.at)
        if "tries_left" not in self.even.evidence or not self.local.is_known:
            return own, 1.0  # a fault of the machinery, or nobody knows the hour
        better = hours.moved(own, hour, self.sight.offset)
        is_open = self.earliest <= better <= self.sight.deadline - MARGIN
        own_hour = (own + self.sight.offset) % 1 * 24
        is_better = self._is_better(hour, own_hour)
        return self._hour_of(better if is_open and is_better else own)

    def _leaves_even(self, hour: float) -> bool:
        return not self.local.is_known or self._is_better(hour, EVEN_HOUR)

    def _is_better(self, hour: float, than: float) -> bool:
        return hours.is_clearly_better(self.model, hour, than)

    def _slots(self, at: Floats, evens: Floats) -> Slots:
        log_odds = effects.features(at + self.sight.offset, 0.0) @ self.model.effects
        log_odds[: self.even_from] += self.model.effects[effects.DEPARTED_AT]
        believed = believed_chances(self.sight, at, timing=self.model.timing)
        found = effects.corrected(believed, log_odds[None, :])
        nearest = np.abs(at[:, None] - evens[None, :]).argmin(axis=1)
        return Slots(at, found, nearest)

    def step(self) -> Step:
        """The even spread's try, the model's own, or the end."""
        even = self._even_plan()
        plan = best_plan(
            self.belief,
            self.slots,
            self.model.effects,
            tries=self.tries,
            cost=self.cost,
            one_each=self.is_short,
            spacings=DENSE if self.is_short else SPACINGS,
        )
        costs = even.worth - even.value
        if plan is None and self.gate.may_stop and even.worth < HOPELESS * costs:
            return GiveUp(words.not_worth_it(even.chance, costs))
        if plan is None or _gain(plan, even) < self._margin():
            return self._even(even, plan)
        return self._own(plan, even)

    def _even_plan(self) -> Plan:
        evens = np.arange(len(self.slots.at)) >= self.even_from
        return priced(
            self.belief, self.slots, evens, self.model.effects, cost=self.cost
        )

    def _margin(self) -> float:
        """The gate's, and more in short windows, where the plan may move tries and
        not save any: eight reach most of what there is in them, and whether an issuer
        minds close tries cannot be told where all of them are close."""
        return self.gate.margin + (SHORT_MARGIN if self.is_short else 0.0)

    def _even(self, even: Plan, plan: Plan | None) -> RetryAt:
        """The even spread's try, with what the model thinks of it."""
        other = self._left_aside(plan) if plan else ()
        is_moved = abs(self.even_at - day_number(self.even.at)) > 1e-6
        moment = (ZERO + timedelta(days=self.even_at)).replace(microsecond=0)
        found = f"At another hour: {in_words(moment, self.local)} ({self.local.name})."
        return replace(
            self.even,
            at=moment if is_moved else self.even.at,
            reason=f"{self.even.reason} {found}" if is_moved else self.even.reason,
            propensity=self.even_propensity,
            probability=round(even.first_chance, 4),
            alternatives=(*other, *self.even.alternatives),
            evidence={
                **self.even.evidence,
                **self._evidence(
                    "even spread, other hour" if is_moved else "even spread", even, even
                ),
            },
        )

    def _left_aside(self, plan: Plan) -> tuple[Alternative, ...]:
        """The model's own first try, where it is not the even spread's."""
        at = float(plan.at[0])
        if abs(at - self.even_at) < SAME_TIME:
            return ()
        said = "the model's own first try; its plan promises too little more"
        return (Alternative(_to_the_minute(at), said, round(plan.first_chance, 4)),)

    def _own(self, plan: Plan, even: Plan) -> RetryAt:
        """The plan's first try, now and then at another hour of the same day."""
        best = float(plan.at[0])
        at, propensity = self._hour_of(best)
        moment = (ZERO + timedelta(days=at)).replace(microsecond=0)
        return RetryAt(
            at=moment,
            reason=f"{words.reason(self.belief)}: {in_words(moment, self.local)}"
            f" ({self.local.name}).",
            probability=round(plan.first_chance, 4),
            propensity=propensity,
            alternatives=(
                Alternative(
                    self.even.at, "the even spread's time", round(even.first_chance, 4)
                ),
                *self._alternatives(plan),
            ),
            rules=words.rules(self.sight),
            evidence=self._evidence(
                "model" if at == best else "exploration", plan, even
            ),
        )

    def _hour_of(self, best: float) -> tuple[float, float]:
        """The time to try, and the probability with which it is picked."""
        if self.window < LEAST_EXPLORED or not self.local.is_known:
            return best, 1.0
        last = self.sight.deadline - MARGIN
        return hours.drawn(
            self.model,
            self.case,
            best,
            self.sight.offset,
            first=self.earliest,
            last=last,
        )

    def _alternatives(self, plan: Plan) -> tuple[Alternative, ...]:
        """The times that would do best now, but for the one that was chosen."""
        weights = self.belief.weights.sum(axis=0)
        chance = weights @ self.slots.chances
        order = np.argsort(-chance[: self.even_from], kind="stable")
        others = [n for n in order if abs(self.slots.at[n] - plan.at[0]) > SAME_TIME]
        return tuple(
            _runner_up(plan, float(self.slots.at[n]), float(chance[n]))
            for n in others[:RUNNERS_UP]
        )

    def _evidence(self, by: str, plan: Plan, even: Plan) -> dict[str, object]:
        amount = self.case.amount.amount
        return {
            "plan": by,
            "stage": str(self.gate.stage),
            "learned_from": self.model.closed,
            "belief": words.causes(self.belief),
            "issuer": words.tempers(self.belief),
            "chance": round(plan.first_chance, 4),
            "chance_of_plan": round(plan.chance, 4),
            "chance_of_even_spread": round(even.chance, 4),
            "margin": round(self._margin(), 4),
            "planned": [
                (ZERO + timedelta(days=float(at))).isoformat(timespec="minutes")
                for at in plan.at
            ],
            "value": round(plan.first_chance * amount),
            "cost": round(self.cost * amount),
            "unknown": list(self.sight.unknown),
        }


def _runner_up(plan: Plan, at: float, chance: float) -> Alternative:
    """Another time, or the planned one beside which it lies."""
    near = float(plan.at[np.abs(plan.at - at).argmin()])
    is_planned = abs(near - at) < SAME_TIME
    return Alternative(
        _to_the_minute(near if is_planned else at),
        "planned for later, should this try fail"
        if is_planned
        else "adds less to the tries planned",
        round(chance, 4),
    )


def _to_the_minute(at: float) -> datetime:
    return ZERO + timedelta(minutes=round(1440 * at))


def _gain(plan: Plan, even: Plan) -> float:
    """What leaving the even spread promises: more money, not only fewer tries."""
    return min(plan.value - even.value, plan.worth - even.worth)


def cost_of_a_try(case: Case) -> float:
    """As a share of the amount: a fee's worth, never nothing and never prohibitive."""
    fee = TRY_COST_CENTS * 10 ** (case.amount.decimals - 2)
    return float(min(MOST_COST, max(LEAST_COST, fee / max(1, case.amount.amount))))
