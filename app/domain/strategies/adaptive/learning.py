"""Learning from the merchant's own cases: expectation-maximisation over the causes.

Each case adds what is believed of it, hindsight included, to the shares of its
context. Cases that are still open count too, with what has been answered so far:
paid cases close early, so learning from closed ones alone would flatter every plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from app.domain.cases import Case
from app.domain.strategies.adaptive import effects, paydays
from app.domain.strategies.adaptive.belief import log_prior, surroundings
from app.domain.strategies.adaptive.hypotheses import CAUSES, hypotheses
from app.domain.strategies.adaptive.model import SCHEDULE_KINDS, Model
from app.domain.strategies.adaptive.paydays import Floats
from app.domain.strategies.adaptive.sight import (
    FUNDINGS,
    GROUPS,
    REGIONS,
    Sight,
    chances,
    day_number,
    seen,
)
from app.domain.strategies.adaptive.tempers import heard

ROUNDS = 4
MOST_CASES = 3000  # the newest: issuers change, and memory is bounded
# How many cases of its own a context needs before it outweighs the prior.
CAUSE_STRENGTH = 30.0
SHAPE_STRENGTH = 25.0
SCHEDULE_STRENGTH = 60.0
SHARE_STRENGTH = 25.0
TEMPER_STRENGTH = 40.0


@dataclass(frozen=True, slots=True)
class Episode:
    """One case as it stands: its declines, and how it was paid, if it was.

    `paid_at` is when a retry of ours was approved; None also when it was paid another
    way, which says nothing about the card. `departed` are the times of those retries
    that left the even spread. `closed`: nothing more will be tried.
    """

    case: Case
    paid_at: datetime | None = None
    departed: tuple[datetime, ...] = ()
    closed: bool = True


@dataclass(frozen=True, slots=True)
class _Told:
    """An episode in numbers: its retries with their chances and their answers."""

    sight: Sight
    at: Floats
    chances: Floats  # by hypothesis, each retry
    heard: Floats  # by temper, each retry
    approved: Floats
    departed: Floats


def learn(model: Model, episodes: Sequence[Episode]) -> Model:
    """A new model: the shipped prior and all these episodes.

    Give every episode that is to count, each time: what is believed of an old case
    changes with the newer ones. Only the shape of `model` is kept, none of its counts.
    """
    newest = sorted(
        episodes, key=lambda one: (one.case.declined_at, one.case.invoice_id)
    )
    told = [_told(one) for one in newest[-MOST_CASES:] if _has_answers(one)]
    closed = sum(one.closed for one in episodes)
    learned = replace(Model.fresh(), closed=closed, answered=len(told))
    if not told:
        return learned
    table = _Table.of(told)
    for _ in range(ROUNDS):
        learned = _round(learned, table)
    return _with_effects(learned, told)


def _has_answers(episode: Episode) -> bool:
    return episode.paid_at is not None or len(episode.case.declines) > 1


def _told(episode: Episode) -> _Told:
    sight = seen(episode.case)
    at = sight.tries[1:]
    approved = np.zeros(len(at))
    if episode.paid_at is not None:
        at = np.append(at, day_number(episode.paid_at))
        approved = np.append(approved, 1.0)
    left = {round(day_number(moment), 5) for moment in episode.departed}
    return _Told(
        sight=sight,
        at=at,
        chances=chances(sight, at),
        heard=heard(sight.tries[:1], at).astype(float),
        approved=approved,
        departed=np.array([float(round(float(one), 5) in left) for one in at]),
    )


def _likelihood(told: _Told) -> Floats:
    """Log-likelihood of the answers, by temper and hypothesis."""
    missed = np.log1p(-told.chances) * (1 - told.approved)
    logs = told.heard @ missed.T
    if told.approved[-1]:
        logs += np.log(told.chances[:, -1])[None, :]
        logs += np.where(told.heard[:, -1] > 0, 0.0, np.log(0.02))[:, None]
    return np.asarray(logs)


@dataclass(frozen=True, slots=True)
class _Table:
    """All episodes' evidence, grouped by context and region: equal priors together."""

    groups: tuple[tuple[Sight, NDArray[np.float32]], ...]

    @staticmethod
    def of(told: list[_Told]) -> "_Table":
        rows: dict[tuple[int, int], list[tuple[Sight, Floats]]] = {}
        for one in told:
            logs = _likelihood(one) + surroundings(one.sight)[None, :]
            key = (one.sight.context, one.sight.region)
            rows.setdefault(key, []).append((one.sight, logs))
        return _Table(
            tuple(
                (each[0][0], np.array([logs for _, logs in each], dtype=np.float32))
                for _, each in sorted(rows.items())
            )
        )


def _round(model: Model, table: _Table) -> Model:
    """Expectation over all cases, then the shares that make them most probable."""
    h = hypotheses()
    calendars = len(h.table)
    by_cause = np.zeros((GROUPS * FUNDINGS, CAUSES))
    by_schedule = np.zeros((REGIONS, len(paydays.schedules())))
    everyone = np.zeros(len(h))
    by_temper = np.zeros(len(model.tempers))
    tempers = np.log(model.tempers)[:, None]
    for sight, evidence in table.groups:
        prior = np.log(model.prior(sight) + 1e-12)[None, :] + tempers
        logs = evidence + prior[None].astype(np.float32)
        weights = np.exp(logs - logs.max(axis=(1, 2), keepdims=True))
        weights /= weights.sum(axis=(1, 2), keepdims=True)
        total = weights.sum(axis=0, dtype=float)
        each = total.sum(axis=0)
        by_temper += total.sum(axis=1)
        by_cause[sight.context] += np.bincount(h.cause, each, minlength=CAUSES)
        by_schedule[sight.region] += np.bincount(
            h.schedule, each[:calendars], minlength=by_schedule.shape[1]
        )
        everyone += each
    by_share = np.zeros_like(model.shares)
    np.add.at(by_share, (SCHEDULE_KINDS[h.schedule], h.share), everyone[:calendars])
    fresh = Model.fresh()
    return replace(
        model,
        causes=_mixed(fresh.causes, by_cause, CAUSE_STRENGTH),
        shapes=_mixed_shapes(fresh.shapes, everyone[calendars:]),
        schedules=_mixed(fresh.schedules, by_schedule, SCHEDULE_STRENGTH),
        shares=_mixed(fresh.shares, by_share, SHARE_STRENGTH),
        tempers=_mixed(fresh.tempers[None], by_temper[None], TEMPER_STRENGTH)[0],
    )


def _mixed(prior: Floats, counts: Floats, strength: float) -> Floats:
    total = strength * prior + counts
    return np.asarray(total / total.sum(axis=1, keepdims=True))


def _mixed_shapes(prior: Floats, counts: Floats) -> Floats:
    """Shares within each cause but payday."""
    h = hypotheses()
    cause = h.cause[len(h.table) :]
    total = SHAPE_STRENGTH * prior + counts
    return np.asarray(total / np.bincount(cause, total, minlength=CAUSES)[cause])


def _with_effects(model: Model, told: list[_Told]) -> Model:
    """Effects of hours and days, and how well the belief has foretold the answers."""
    believed = np.concatenate([_foretold(model, one) for one in told])
    believed = np.clip(believed, 0.002, 0.98)
    approved = np.concatenate([one.approved for one in told])
    x = np.concatenate([_features(one) for one in told])
    found = effects.fitted(x, approved, believed)
    contexts = np.concatenate([np.full(len(one.at), one.sight.context) for one in told])
    log_odds = np.log(believed) - np.log1p(-believed) + x @ found
    chance = 1 / (1 + np.exp(-log_odds))
    return replace(model, effects=found, skill=_skill(chance, approved, contexts))


def _features(one: _Told) -> Floats:
    rows = effects.features(one.at + one.sight.offset, one.departed)
    return effects.note_sequence(rows, one.at, one.sight.first, 0)


def _foretold(model: Model, one: _Told) -> Floats:
    """The chance believed before each retry, from what had been answered by then."""
    retried = replace(one.sight, groups=one.sight.groups[:1])
    logs = log_prior(model, retried)
    weights = np.exp(logs - logs.max())[None, :] * model.tempers[:, None]
    found = np.empty(len(one.at))
    for number in range(len(one.at)):
        weights = weights / weights.sum()
        chance = np.outer(one.heard[:, number], one.chances[:, number])
        found[number] = float((weights * chance).sum())
        weights = weights * (1 - chance)
    return found


def _skill(chance: Floats, approved: Floats, contexts: Floats) -> float:
    """Brier score's gain over the base rate by context: 0 is none, 1 is all."""
    sums = np.bincount(contexts.astype(int), approved, minlength=GROUPS * FUNDINGS)
    sizes = np.bincount(contexts.astype(int), minlength=GROUPS * FUNDINGS)
    base = ((sums + 1) / (sizes + 4))[contexts.astype(int)]
    plain = float(((base - approved) ** 2).mean())
    return 1 - float(((chance - approved) ** 2).mean()) / plain if plain else 0.0
