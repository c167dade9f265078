"""Episodes in numbers, grouped so that many are weighed at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from app.domain.cases import Case
from app.domain.strategies.adaptive import effects
from app.domain.strategies.adaptive.belief import surroundings
from app.domain.strategies.adaptive.hypotheses import hypotheses
from app.domain.strategies.adaptive.model import Model
from app.domain.strategies.adaptive.paydays import Floats
from app.domain.strategies.adaptive.sight import Sight, chances, day_number, seen
from app.domain.strategies.adaptive.tempers import TEMPERS, heard

Singles = NDArray[np.float32]
BATCH = 400  # lessons weighed at once: some 4 MB each array


@dataclass(frozen=True, slots=True)
class Lesson:
    """One episode: its retries with their chances, their answers, their features.

    `evidence` is the log-likelihood of all that it shows, by temper and hypothesis;
    `before` of what was known before the first retry, by hypothesis.
    """

    sight: Sight
    at: Floats
    approved: Floats
    stated: Floats  # the chance stated at the time; nan where none was
    features: Floats
    chances: Singles  # by retry and hypothesis
    heard: Singles  # by temper and retry
    evidence: Singles
    before: Singles

    @staticmethod
    def of(
        case: Case,
        paid_at: datetime | None,
        departed: Sequence[datetime],
        believed: Sequence[tuple[datetime, float]],
    ) -> "Lesson":
        """The case's retries so far, the approved one last where there is one."""
        sight = seen(case)
        at, approved = sight.tries[1:], np.zeros(len(sight.tries) - 1)
        if paid_at is not None:
            at = np.append(at, day_number(paid_at))
            approved = np.append(approved, 1.0)
        found = chances(sight, at)
        looked_at = heard(sight.tries[:1], at[None])[0].astype(float)
        answers = _likelihood(found, looked_at, approved)
        return Lesson(
            sight=sight,
            at=at,
            approved=approved,
            stated=_stated(at, believed),
            features=_features(sight, at, departed),
            chances=found.T.astype(np.float32),
            heard=looked_at.astype(np.float32),
            evidence=(answers + surroundings(sight)[None, :]).astype(np.float32),
            before=surroundings(_at_first(sight)).astype(np.float32),
        )


def _at_first(sight: Sight) -> Sight:
    advised = sight.advised[sight.advised < sight.first]
    return replace(sight, groups=sight.groups[:1], advised=advised)


def _likelihood(chances: Floats, looked_at: Floats, approved: Floats) -> Floats:
    """Log-likelihood of the answers, by temper and hypothesis."""
    missed = np.log1p(-chances) * (1 - approved)
    logs = looked_at @ missed.T
    if approved[-1]:
        logs += np.log(chances[:, -1])[None, :]
        # An approval against a temper's rule is all but impossible under it.
        logs += np.where(looked_at[:, -1] > 0, 0.0, np.log(0.02))[:, None]
    return np.asarray(logs)


def _stated(at: Floats, believed: Sequence[tuple[datetime, float]]) -> Floats:
    chances = {round(day_number(moment), 5): chance for moment, chance in believed}
    return np.array([chances.get(round(float(one), 5), np.nan) for one in at])


def _features(sight: Sight, at: Floats, departed: Sequence[datetime]) -> Floats:
    left = {round(day_number(moment), 5) for moment in departed}
    has_left = np.array([float(round(float(one), 5) in left) for one in at])
    rows = effects.features(at + sight.offset, has_left)
    return effects.note_sequence(rows, at, sight.first, 0)


@dataclass(frozen=True, slots=True)
class Group:
    """Lessons of one context and region, which share their prior."""

    sight: Sight
    lessons: tuple[Lesson, ...]

    def hindsight(self, model: Model) -> Singles:
        """Belief after all answers, by lesson, temper and hypothesis."""
        evidence = np.array([one.evidence for one in self.lessons])
        return _normal(evidence + self._prior(model))

    def foresight(self, model: Model) -> Singles:
        """Belief before the first retry, by lesson, temper and hypothesis."""
        before = np.array([one.before for one in self.lessons])[:, None, :]
        return _normal(before + self._prior(model))

    def _prior(self, model: Model) -> Singles:
        logs = np.log(model.prior(self.sight) + 1e-12)[None, :]
        return (logs + np.log(model.tempers)[:, None])[None].astype(np.float32)


Table = list[Group]


def table_of(lessons: Sequence[Lesson]) -> Table:
    """The lessons in groups of at most BATCH, in a settled order."""
    rows: dict[tuple[int, int], list[Lesson]] = {}
    for one in lessons:
        rows.setdefault((one.sight.context, one.sight.region), []).append(one)
    return [
        Group(each[0].sight, tuple(each[start : start + BATCH]))
        for _, each in sorted(rows.items())
        for start in range(0, len(each), BATCH)
    ]


def foretold(model: Model, group: Group) -> Floats:
    """The chance believed before each retry, from what had been answered by then;
    all retries of the first lesson, then all of the second, and so on."""
    most = max(len(one.at) for one in group.lessons)
    found = np.zeros((len(group.lessons), most))
    chance = np.zeros((len(group.lessons), most, len(hypotheses())), dtype=np.float32)
    looked_at = np.zeros((len(group.lessons), len(TEMPERS), most), dtype=np.float32)
    for number, one in enumerate(group.lessons):
        chance[number, : len(one.at)] = one.chances
        looked_at[number, :, : len(one.at)] = one.heard
    weights = group.foresight(model)
    for number in range(most):
        each = looked_at[:, :, number, None] * chance[:, None, number, :]
        found[:, number] = (weights * each).sum(axis=(1, 2))
        weights = weights * (1 - each)
        weights /= weights.sum(axis=(1, 2), keepdims=True)
    lengths = np.array([len(one.at) for one in group.lessons])
    return np.asarray(found[np.arange(most)[None, :] < lengths[:, None]])


def _normal(logs: Singles) -> Singles:
    weights = np.exp(logs - logs.max(axis=(1, 2), keepdims=True))
    return np.asarray(weights / weights.sum(axis=(1, 2), keepdims=True))
