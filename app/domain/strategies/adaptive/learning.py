"""Learning from the merchant's own cases: expectation-maximisation over the causes.

Each case adds what is believed of it, hindsight included, to the shares of its
context. Cases that are still open count too, with what has been answered so far:
paid cases close early, so learning from closed ones alone would flatter every plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b

import numpy as np

from app.domain.cases import Case
from app.domain.strategies.adaptive import effects, hours, paydays
from app.domain.strategies.adaptive.hypotheses import CAUSES, hypotheses
from app.domain.strategies.adaptive.issuers import Issuers
from app.domain.strategies.adaptive.lessons import Lesson, Table, foretold, table_of
from app.domain.strategies.adaptive.model import SCHEDULE_KINDS, Model
from app.domain.strategies.adaptive.paydays import Floats
from app.domain.strategies.adaptive.sight import ABROAD, FUNDINGS, GROUPS, REGIONS
from app.domain.strategies.adaptive.skill import Told, skill
from app.domain.strategies.adaptive.timing import Foretold, borne_out

ROUNDS = 4
MOST_CASES = 2000  # the newest: issuers change; 7 kB each while learning
# Where there are more, these days' cases are thinned: the newest 2,000 of a large
# merchant are all of last week, and tell nothing of what passes in the third.
SPAN = timedelta(days=60)
# How many cases of its own a context needs before it outweighs the prior. Calendars
# that moved faster (40, a country's 20) lost ten points where issuers are strict.
CAUSE_STRENGTH = 30.0
SHAPE_STRENGTH = 25.0
SCHEDULE_STRENGTH = 60.0
COUNTRY_STRENGTH = 60.0  # against the region's
SHARE_STRENGTH = 25.0
TEMPER_STRENGTH = 40.0

Memo = dict[str, tuple["Episode", Lesson]]


@dataclass(frozen=True, slots=True)
class Episode:
    """One case as it stands: its declines, and how it was paid, if it was.

    `paid_at` is when a retry of ours was approved; None also when it was paid another
    way, which says nothing about the card. `departed` are the times of those retries
    that left the even spread, `believed` the chance stated for each retry at its time.
    `closed`: nothing more will be tried.
    """

    case: Case
    paid_at: datetime | None = None
    departed: tuple[datetime, ...] = ()
    believed: tuple[tuple[datetime, float], ...] = ()
    closed: bool = True


def learn(
    model: Model, episodes: Sequence[Episode], *, memo: Memo | None = None
) -> Model:
    """A new model: the shipped prior and all these episodes.

    Give every episode that is to count, each time: what is believed of an old case
    changes with the newer ones; `model` itself is not added to. A caller who learns
    often may keep a `memo` (an empty dict at first): it saves reading the episodes
    that have not changed.
    """
    memo = {} if memo is None else memo
    newest = _newest(episodes)
    lessons = [
        lesson for one in newest if _has_answers(one) and (lesson := _read(one, memo))
    ]
    for name in memo.keys() - {one.case.invoice_id for one in newest}:
        del memo[name]
    closed = sum(one.closed for one in episodes)
    learned = replace(Model.fresh(), closed=closed, answered=len(lessons))
    if not lessons:
        return learned
    table = table_of(lessons)
    learned = _with_shares(learned, table)
    if len(lessons) > 1:
        learned = replace(learned, timing=borne_out(_foretold_by_others(lessons)))
    return _with_effects(learned, table)


def _with_shares(model: Model, table: Table) -> Model:
    for _ in range(ROUNDS):
        model = _round(model, table)
    return model


def _foretold_by_others(lessons: Sequence[Lesson]) -> Foretold:
    """What a model of each half of the lessons, every other one, says of the other
    half's tries."""
    said: list[tuple[Floats, Floats]] = []
    asked: list[Lesson] = []
    for half in (0, 1):
        model = _with_shares(Model.fresh(), table_of(lessons[half::2]))
        for group in table_of(lessons[1 - half :: 2]):
            said.append(foretold(model, group))
            asked.extend(group.lessons)
    return Foretold(
        at_time=np.concatenate([at_time for at_time, _ in said]),
        any_time=np.concatenate([any_time for _, any_time in said]),
        approved=np.concatenate([one.answers for one in asked]),
        count=np.concatenate([np.arange(len(one.at)) for one in asked]),
    )


def _newest(episodes: Sequence[Episode]) -> Sequence[Episode]:
    """At most MOST_CASES, in order of age: the newest, or as many of the last SPAN."""
    by_age = sorted(episodes, key=_age)
    if len(by_age) <= MOST_CASES:
        return by_age
    since = by_age[-1].case.declined_at - SPAN
    recent = [one for one in by_age if one.case.declined_at >= since]
    if len(recent) <= MOST_CASES:
        return by_age[-MOST_CASES:]
    return sorted(sorted(recent, key=_lot)[:MOST_CASES], key=_age)


def _lot(episode: Episode) -> bytes:
    """The same each time, so that a case once read is read again from the memo."""
    return blake2b(episode.case.invoice_id.encode(), digest_size=8).digest()


def _age(episode: Episode) -> tuple[datetime, str]:
    return (episode.case.declined_at, episode.case.invoice_id)


def _has_answers(episode: Episode) -> bool:
    return episode.paid_at is not None or len(episode.case.declines) > 1


def _read(episode: Episode, memo: Memo) -> Lesson | None:
    """The episode in numbers, from the memo where it has not changed; None where the
    model has no calendar for its years."""
    name = episode.case.invoice_id
    if name not in memo or memo[name][0] is not episode:
        try:
            lesson = Lesson.of(
                episode.case, episode.paid_at, episode.departed, episode.believed
            )
        except OverflowError:
            return None
        memo[name] = (episode, lesson)
    return memo[name][1]


def _round(model: Model, table: Table) -> Model:
    """Expectation over all cases, then the shares that make them most probable."""
    h = hypotheses()
    calendars = len(h.table)
    by_cause = np.zeros((GROUPS * FUNDINGS, CAUSES))
    by_schedule = np.zeros((REGIONS, len(paydays.schedules())))
    by_country: dict[str, Floats] = {}
    everyone = np.zeros(len(h))
    by_temper = np.zeros(len(model.tempers))
    issuers = Issuers()
    for group in table:
        total = group.hindsight(model)
        each = total.sum(axis=(0, 1), dtype=float)
        of_lessons = total.sum(axis=2, dtype=float)
        by_temper += of_lessons.sum(axis=0)
        issuers.note(group, of_lessons, model)
        by_cause[group.sight.context] += np.bincount(h.cause, each, minlength=CAUSES)
        paid = np.bincount(h.schedule, each[:calendars], minlength=by_schedule.shape[1])
        by_schedule[group.sight.region] += paid
        if name := group.sight.country:
            by_country[name] = by_country.get(name, np.zeros(len(paid))) + paid
        everyone += each
    by_share = np.zeros_like(model.shares)
    np.add.at(by_share, (SCHEDULE_KINDS[h.schedule], h.share), everyone[:calendars])
    fresh = Model.fresh()
    tempers = _mixed(fresh.tempers[None], by_temper[None], TEMPER_STRENGTH)[0]
    schedules = _mixed(fresh.schedules, by_schedule, SCHEDULE_STRENGTH)
    return replace(
        model,
        countries={
            name: _mixed(schedules[None, ABROAD], paid[None], COUNTRY_STRENGTH)[0]
            for name, paid in by_country.items()
        },
        causes=_mixed(fresh.causes, by_cause, CAUSE_STRENGTH),
        shapes=_mixed_shapes(fresh.shapes, everyone[calendars:]),
        schedules=schedules,
        shares=_mixed(fresh.shares, by_share, SHARE_STRENGTH),
        tempers=tempers,
        issuers=issuers.tempers(tempers),
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


def _with_effects(model: Model, table: Table) -> Model:
    """Effects of hours and days, and how well the belief has foretold the answers."""
    said = [foretold(model, group, timing=model.timing) for group in table]
    believed = np.concatenate([at_time for at_time, _ in said])
    lessons = [lesson for group in table for lesson in group.lessons]
    believed = np.clip(believed, 0.002, 0.98)
    approved = np.concatenate([one.answers for one in lessons])
    x = np.concatenate([one.features for one in lessons], dtype=float)
    found = effects.fitted(x, approved, believed)
    told, rate = Told.of(lessons), float(approved.mean())
    tried = x[:, effects.HOUR_AT : effects.WEEKDAY_AT].sum(axis=0)
    return replace(
        model,
        effects=hours.settled(found, tried, rate),
        hours_tried=tried,
        skill=skill(told),
        rate=rate,
    )
