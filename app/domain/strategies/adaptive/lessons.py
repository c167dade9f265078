"""Episodes in numbers, grouped so that many are weighed at once."""

from collections import Counter
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
from app.domain.strategies.adaptive.sight import (
    ABROAD,
    Sight,
    chances,
    day_number,
    seen,
    usual_chances,
)
from app.domain.strategies.adaptive.tempers import TEMPERS, heard

Bools = NDArray[np.bool_]
Singles = NDArray[np.float32]
# A country's pay is learned by itself from so many cases on, of so many countries.
MANY, MOST_COUNTRIES = 12, 12
BATCH = 200  # lessons weighed at once: some 2 MB each array


@dataclass(frozen=True, slots=True)
class Lesson:
    """One episode: its retries with their chances, their answers, their features.

    `around` is the log-likelihood of all that it shows but for the retries' answers,
    `before` of what was known before the first retry, `usual` what is usual on
    any day, all by hypothesis. Two thousand are kept at once: so in small numbers
    (halves are right to a thousandth).
    """

    sight: Sight
    at: Floats
    approved: bool  # the last retry, that is; the others were refused
    stated: Floats  # the chance stated at the time; nan where none was
    features: NDArray[np.int8]
    chances: NDArray[np.float16]  # by retry and hypothesis
    heard: Bools  # by temper and retry
    around: Singles
    before: Singles
    usual: Singles

    @staticmethod
    def of(
        case: Case,
        paid_at: datetime | None,
        departed: Sequence[datetime],
        believed: Sequence[tuple[datetime, float]],
    ) -> "Lesson":
        """The case's retries so far, the approved one last where there is one."""
        sight = seen(case)
        at = sight.tries[1:]
        if paid_at is not None:
            at = np.append(at, day_number(paid_at))
        around = surroundings(sight).astype(np.float32)
        nothing_new = len(set(sight.groups)) == 1 and not len(sight.advised)
        return Lesson(
            sight=sight,
            at=at,
            approved=paid_at is not None,
            stated=_stated(at, believed),
            features=_features(sight, at, departed).astype(np.int8),
            chances=chances(sight, at).T.astype(np.float16),
            heard=heard(sight.tries[:1], at[None])[0],
            around=around,
            before=around
            if nothing_new
            else surroundings(_at_first(sight)).astype(np.float32),
            usual=usual_chances(sight).astype(np.float32),
        )

    @property
    def answers(self) -> Floats:
        """1 for an approved retry, 0 for a refused one."""
        found = np.zeros(len(self.at))
        found[-1:] = self.approved
        return found


def _at_first(sight: Sight) -> Sight:
    advised = sight.advised[sight.advised < sight.first]
    return replace(sight, groups=sight.groups[:1], advised=advised)


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
    """Lessons of one context and country, which share their prior."""

    sight: Sight
    lessons: tuple[Lesson, ...]

    def hindsight(self, model: Model) -> Singles:
        """Belief after all answers, by lesson, temper and hypothesis."""
        logs = self._answers()
        logs += np.array([one.around for one in self.lessons])[:, None, :]
        logs += self._prior(model)
        return _normal(logs)

    def foresight(self, model: Model) -> Singles:
        """Belief before the first retry, by lesson, temper and hypothesis."""
        before = np.array([one.before for one in self.lessons])[:, None, :]
        return _normal(before + self._prior(model))

    def tries(self) -> tuple[Singles, Singles]:
        """Chances by lesson, retry and hypothesis, and whether each retry was looked
        at, by lesson, temper and retry; zeros where a lesson has fewer than others."""
        count, most = len(self.lessons), max(len(one.at) for one in self.lessons)
        found = np.zeros((count, most, len(hypotheses())), dtype=np.float32)
        looked_at = np.zeros((count, len(TEMPERS), most), dtype=np.float32)
        for number, one in enumerate(self.lessons):
            found[number, : len(one.at)] = one.chances
            looked_at[number, :, : len(one.at)] = one.heard
        return found, looked_at

    def _answers(self) -> Singles:
        """Log-likelihood of the retries' answers, by lesson, temper and hypothesis."""
        found, looked_at = self.tries()
        paid = np.array([n for n, one in enumerate(self.lessons) if one.approved], int)
        last = np.array([len(one.at) - 1 for one in self.lessons])[paid]
        approved, was_heard = np.log(found[paid, last]), looked_at[paid, :, last] > 0
        found[paid, last] = 0
        logs = looked_at @ np.log1p(np.negative(found, out=found), out=found)
        # An approval against a temper's rule is all but impossible under it.
        against = np.where(was_heard, 0.0, np.log(0.02)).astype(np.float32)
        logs[paid] += approved[:, None, :] + against[:, :, None]
        return np.asarray(logs)

    def _prior(self, model: Model) -> Singles:
        logs = np.log(model.prior(self.sight) + 1e-12)[None, :]
        tempers = np.log([model.tempers_of(one.sight) for one in self.lessons])
        return (logs + tempers[:, :, None]).astype(np.float32)


Table = list[Group]


def table_of(lessons: Sequence[Lesson]) -> Table:
    """The lessons in groups of at most BATCH, in a settled order."""
    rows: dict[tuple[int, int, str], list[Lesson]] = {}
    many = _with_many(lessons)
    for one in lessons:
        sight = one.sight
        country = sight.country if sight.country in many else ""
        rows.setdefault((sight.context, sight.region, country), []).append(one)
    return [
        Group(
            replace(each[0].sight, country=key[2]), tuple(each[start : start + BATCH])
        )
        for key, each in sorted(rows.items())
        for start in range(0, len(each), BATCH)
    ]


def _with_many(lessons: Sequence[Lesson]) -> set[str]:
    """The countries abroad whose pay is learned by itself: those with the most cases,
    where there is more than one; a single one is what its region is."""
    found = Counter(
        one.sight.country for one in lessons if one.sight.region == ABROAD
    ).most_common(MOST_COUNTRIES)
    many = {name for name, count in found if count >= MANY}
    return many if len(many) > 1 else set()


def foretold(
    model: Model, group: Group, *, timing: float = 1.0
) -> tuple[Floats, Floats]:
    """The chance believed before each retry, from what had been answered by then, and
    what it would have been at any time; all retries of the first lesson,
    then all of the second, and so on.

    `timing`: how much is believed of what the model says of times (see timing.py).
    """
    chance, looked_at = group.tries()
    usual = np.array([one.usual for one in group.lessons])[:, None, :]
    found, any_time = np.zeros(chance.shape[:2]), np.zeros(chance.shape[:2])
    weights = group.foresight(model)
    for number in range(chance.shape[1]):
        is_heard, each = looked_at[:, :, number, None], chance[:, None, number, :]
        believed = timing * each + (1 - timing) * usual
        found[:, number] = (weights * is_heard * believed).sum(axis=(1, 2))
        any_time[:, number] = (weights * usual).sum(axis=(1, 2))
        weights *= 1 - is_heard * each
        weights /= weights.sum(axis=(1, 2), keepdims=True)
    lengths = np.array([len(one.at) for one in group.lessons])
    are_tries = np.arange(chance.shape[1])[None, :] < lengths[:, None]
    return np.asarray(found[are_tries]), np.asarray(any_time[are_tries])


def _normal(logs: Singles) -> Singles:
    """Weights that sum to one by lesson; in place."""
    logs -= logs.max(axis=(1, 2), keepdims=True)
    weights = np.exp(logs, out=logs)
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    return weights
