"""The local hour of a try: the usual ones, one that answers have shown to be better,
and those of which nothing is known yet.

The even spread never leaves the middle of the day, so that its own answers say nothing
of evenings, nights and mornings. Some tries are made at such hours, on the day on which
they were due anyway, until there are enough answers from each part of the day.
"""

import math
from random import Random

import numpy as np

from app.domain.cases import Case
from app.domain.strategies.adaptive import effects
from app.domain.strategies.adaptive.model import Model
from app.domain.strategies.adaptive.paydays import Floats

USUAL = 9.5
# UTC, where the zone is unknown: the middle one of the even spread's then.
UNKNOWN = 16.0
# One for each part of the day of which an effect is learned.
OF_PARTS = (0.5, 6.5, USUAL, 11.5, 14.0, 18.0, 21.5)
EVEN_PARTS = (2, 3, 4)  # where the even spread's own hours lie
# Not between midnight and four: banks refuse most then (see even_spread.py).
WORTH_KNOWING = (1, 2, 3, 4, 5, 6)
EXPLORED = 0.12  # of the tries, while a part of the day is not known
PROMISING = 0.5  # of the tries, while one looks better and it may still be luck
# A part of the day is known from so many answers on, and when it is no longer likely to
# be clearly better than the even spread's (by so many errors), or after the most.
KNOWN_FROM, KNOWN_AT_MOST, UNLIKELY = 14, 60, 0.85
BEGUN_FROM = 20  # cases answered before anything is explored
MOST_EXPLORED = 20_000  # minor units: larger invoices are no place for experiments
# A part of the day is better than the usual hours when its log-odds are by so much.
CLEARLY = 0.25
# And by so many standard errors. Between the even spread's own hours, where nothing
# is lost by staying, luck is ruled out at five of a hundred for all three comparisons
# together; another part of the day has to be likelier better than not, or else it is
# only explored more.
ERRORS_OF_EVEN, ERRORS = 2.4, 1.0
LEAST_TOLD = 0.01
SPREAD = float(effects.SPREAD[effects.HOUR_AT])  # of effects, before any answer


def part_of(hour: float) -> int:
    """The part of the day that a local hour lies in."""
    return int(np.searchsorted(effects.HOUR_EDGES, hour % 24, "right"))


def best_hour(model: Model) -> float:
    """The usual hour, unless another part of the day is clearly better.

    One that the even spread never visits must be better than all of its own: where
    one of them had bad luck, hours left by it are never learned of again.
    """
    best, even = int(_effects(model).argmax()), _best_of_even(model)
    if best not in EVEN_PARTS and _is_better(model, best, even):
        return OF_PARTS[best]
    of_even = OF_PARTS[even]
    return of_even if is_clearly_better(model, of_even, USUAL) else USUAL


def is_clearly_better(model: Model, hour: float, than: float) -> bool:
    """By the answers from their parts of the day."""
    return _is_better(model, part_of(hour), part_of(than))


def _is_better(model: Model, one: int, other: int) -> bool:
    errors = ERRORS_OF_EVEN if one in EVEN_PARTS else ERRORS
    return _lead(model, one, other) >= max(CLEARLY, errors * _error(model, one, other))


def _lead(model: Model, one: int, other: int) -> float:
    """The difference between two parts' log-odds."""
    by_part = _effects(model)
    return float(by_part[one] - by_part[other])


def _error(model: Model, one: int, other: int) -> float:
    """The standard error of that difference."""
    tried = np.maximum(1, model.hours_tried[[one, other]])
    return math.sqrt(float((1 / tried).sum()) / _told(model.rate))


def _best_of_even(model: Model) -> int:
    by_part = _effects(model)
    return max(EVEN_PARTS, key=lambda part: float(by_part[part]))


def _effects(model: Model) -> Floats:
    return model.effects[effects.HOUR_AT : effects.WEEKDAY_AT]


def moved(at: float, hour: float, offset: float) -> float:
    """The same local day at that hour (days, as in Sight)."""
    return math.floor(at + offset) + hour / 24 - offset


def is_known(model: Model, part: int) -> bool:
    """Whether more answers from a part of the day are not worth their cost."""
    tried = float(model.hours_tried[part])
    if not KNOWN_FROM <= tried < KNOWN_AT_MOST:
        return tried >= KNOWN_AT_MOST
    lacking = CLEARLY - _lead(model, part, _best_of_even(model))
    error = math.sqrt(1 / (1 / SPREAD**2 + tried * _told(model.rate)))
    return bool(lacking >= UNLIKELY * error)


def _is_promising(model: Model, part: int) -> bool:
    """Whether it looks clearly better than the even spread's, by answers too few."""
    even = _best_of_even(model)
    return (
        float(model.hours_tried[part]) >= KNOWN_FROM
        and _lead(model, part, even) >= CLEARLY
        and not _is_better(model, part, even)
    )


def _told(rate: float) -> float:
    """By one answer about log-odds."""
    return max(LEAST_TOLD, rate * (1 - rate))


def drawn(
    model: Model, case: Case, at: float, offset: float, *, first: float, last: float
) -> tuple[float, float]:
    """The time to try on the day of `at`, and the probability with which it is picked:
    now and then another hour between `first` and `last`, to learn of it."""
    if model.answered < BEGUN_FROM or case.amount.amount > MOST_EXPLORED:
        return at, 1.0
    open_parts = {
        part: time
        for part in WORTH_KNOWING
        if first <= (time := moved(at, OF_PARTS[part], offset)) <= last
    }
    promising = [part for part in open_parts if _is_promising(model, part)]
    unknown = [part for part in open_parts if not is_known(model, part)]
    if not promising and not unknown:
        return at, 1.0
    dice = Random(f"{case.seed}/{case.retries}")  # noqa: S311
    explored = PROMISING if promising else EXPLORED
    if dice.random() >= explored:
        return at, 1 - explored
    picked = promising or unknown
    return open_parts[dice.choice(picked)], explored / len(picked)


def settled(found: Floats, tried: Floats, rate: float) -> Floats:
    """The effects, with those of parts of the day that few tries have met drawn to what
    is usual, not to nothing: else they would look better wherever tries disappoint
    altogether. `rate` is the share of tries that passed."""
    parts = slice(effects.HOUR_AT, effects.WEEKDAY_AT)
    told = tried * _told(rate) * SPREAD**2
    of_answers = told / (1 + told)  # the rest of an effect is the ridge's nothing
    if not (tried * of_answers).sum():
        return found
    usual = (tried * found[parts]).sum() / (tried * of_answers).sum()
    drawn_by = (1 - of_answers) * usual
    result = found.copy()
    # Of all tries together the chances stay as they were found.
    result[parts] += drawn_by - (tried * drawn_by).sum() / tried.sum()
    return result
