"""Effects of hours and days: as large as the answers show, and no larger."""

import random

import numpy as np

from app.domain.strategies.adaptive import effects
from app.domain.strategies.adaptive.paydays import DAY_ZERO

WEEKDAYS = slice(effects.WEEKDAY_AT, effects.WEEKDAY_AT + 7)


def learned(chance_at_weekends: float, chance_else: float) -> list[float]:
    """Effects of Monday to Sunday after 1,500 tries of which 6 % were expected."""
    dice = random.Random(3)
    at = np.array([4000 + dice.randrange(90) + 10 / 24 for _ in range(1500)])
    weekday = (np.floor(at).astype(int) + DAY_ZERO.weekday()) % 7
    passes = np.where(weekday >= 5, chance_at_weekends, chance_else)
    y = np.array([float(dice.random() < chance) for chance in passes])
    rows = effects.features(at, 0.0)
    found = effects.fitted(rows, y, np.full(len(at), 0.06))
    return [float(each) for each in found[WEEKDAYS]]


def test_where_only_weekends_pass_weekdays_are_left() -> None:
    found = learned(0.2, 0.002)
    assert min(found[5:]) - max(found[:5]) > 1.5


def test_where_days_are_alike_their_effects_stay_small() -> None:
    found = learned(0.06, 0.06)
    assert max(found) - min(found) < 0.5
