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
# One for each part of the day of which an effect is learned.
OF_PARTS = (0.5, 6.5, USUAL, 11.5, 14.0, 18.0, 21.5)
EVEN_PARTS = (2, 3, 4)  # where the even spread's own hours lie
# Not between midnight and four: banks refuse most then (see even_spread.py).
WORTH_KNOWING = (1, 2, 3, 4, 5, 6)
EXPLORED = 0.12  # of the tries, while a part of the day is not known
# Answers from a part of the day: a tenth of the cases answered, between these. What few
# cannot show a merchant with many cases can afford to learn.
KNOWN_FROM, KNOWN_AT_MOST, KNOWN_OF_CASES = 14, 60, 0.1
DOUBT = 20.0  # answers of a part of the day that weigh as much as the usual
BEGUN_FROM = 20  # cases answered before anything is explored
MOST_EXPLORED = 20_000  # minor units: larger invoices are no place for experiments
# A part of the day is better than the usual hours when its log-odds are by so much.
CLEARLY = 0.25
ERRORS = 2.0  # standard errors
LEAST_RATE = 0.01


def part_of(hour: float) -> int:
    """The part of the day that a local hour lies in."""
    return int(np.searchsorted(effects.HOUR_EDGES, hour % 24, "right"))


def best_hour(model: Model) -> float:
    """The usual hour, unless another part of the day is clearly better.

    One that the even spread never visits must be better than all of its own: where
    one of them had bad luck, hours left by it are never learned of again.
    """
    by_part = _effects(model)
    best, even = int(by_part.argmax()), max(EVEN_PARTS, key=lambda one: by_part[one])
    if best not in EVEN_PARTS and by_part[best] >= by_part[even] + CLEARLY:
        return OF_PARTS[best]
    of_even = OF_PARTS[even]
    return of_even if is_clearly_better(model, of_even, USUAL) else USUAL


def is_clearly_better(model: Model, hour: float, than: float) -> bool:
    """By the answers from their parts of the day.

    Between two of the even spread's own, luck must be ruled out as well: where nothing
    is to be gained its own hours stand.
    """
    one, other = part_of(hour), part_of(than)
    gain = _effects(model)[one] - _effects(model)[other]
    if one not in EVEN_PARTS:
        return bool(gain >= CLEARLY)
    tried = np.maximum(1, model.hours_tried[[one, other]])
    told = max(LEAST_RATE, model.rate * (1 - model.rate))  # by an answer
    error = math.sqrt(float((1 / tried).sum()) / told)
    return bool(gain >= max(CLEARLY, ERRORS * error))


def _effects(model: Model) -> Floats:
    return model.effects[effects.HOUR_AT : effects.WEEKDAY_AT]


def moved(at: float, hour: float, offset: float) -> float:
    """The same local day at that hour (days, as in Sight)."""
    return math.floor(at + offset) + hour / 24 - offset


def is_known(model: Model, part: int) -> bool:
    """Whether there are enough answers from a part of the day."""
    enough = KNOWN_OF_CASES * model.answered
    return bool(model.hours_tried[part] >= min(KNOWN_AT_MOST, max(KNOWN_FROM, enough)))


def drawn(
    model: Model, case: Case, at: float, offset: float, *, first: float, last: float
) -> tuple[float, float]:
    """The time to try on the day of `at`, and the probability with which it is picked:
    now and then another hour between `first` and `last`, to learn of it."""
    if model.answered < BEGUN_FROM or case.amount.amount > MOST_EXPLORED:
        return at, 1.0
    unknown = [
        time
        for part in WORTH_KNOWING
        if not is_known(model, part)
        and first <= (time := moved(at, OF_PARTS[part], offset)) <= last
    ]
    if not unknown:
        return at, 1.0
    dice = Random(f"{case.seed}/{case.retries}")  # noqa: S311
    if dice.random() >= EXPLORED:
        return at, 1 - EXPLORED
    return dice.choice(unknown), EXPLORED / len(unknown)


def settled(found: Floats, tried: Floats) -> Floats:
    """The effects with those of parts of the day that few tries have met set to what
    is usual: else they would look better wherever tries disappoint altogether."""
    parts = slice(effects.HOUR_AT, effects.WEEKDAY_AT)
    usual = float((found[parts] * tried).sum() / max(1.0, tried.sum()))
    result = found.copy()
    result[parts] = usual + tried / (tried + DOUBT) * (found[parts] - usual)
    return result
