"""How much may be believed of what is said of times: as much as answers bear out."""

import random

import numpy as np
import pytest

from app.domain.strategies.adaptive.timing import UNPROVEN, Foretold, borne_out

TRIES = 600
DICE = random.Random(11)
SAID = [DICE.choice((0.04, 0.22)) for _ in range(TRIES)]  # of days: bad and good ones
LEVEL = [(0.05, 0.1, 0.3)[n % 3] for n in range(TRIES)]  # of cases, on any day
LUCK = [DICE.random() for _ in range(TRIES)]


def told(said: list[float], usual: list[float], true: list[float]) -> Foretold:
    """What was said of tries that passed as often as is `true`."""
    approved = [float(luck < chance) for luck, chance in zip(LUCK, true, strict=True)]
    return Foretold(
        at_time=np.array(said),
        any_time=np.array(usual),
        approved=np.array(approved),
        count=np.arange(TRIES) % 8,
    )


EVEN = [0.1] * TRIES


def test_days_that_are_what_they_are_taken_for_are_believed() -> None:
    assert borne_out(told(SAID, EVEN, SAID)) > 0.75


def test_days_that_are_all_alike_are_not() -> None:
    assert borne_out(told(SAID, EVEN, EVEN)) < 0.1


def test_half_of_what_is_said_is_believed_where_half_is_true() -> None:
    half = [(said * usual) ** 0.5 for said, usual in zip(SAID, EVEN, strict=True)]
    assert 0.3 < borne_out(told(SAID, EVEN, half)) < 0.75


def test_to_know_who_pays_is_not_to_know_when() -> None:
    """Chances by case are right, and what is said of days is drawn by lot."""
    dice = random.Random(5)
    said = [usual * dice.choice([0.4, 1.6]) for usual in LEVEL]
    assert borne_out(told(said, LEVEL, LEVEL)) < 0.1


def test_good_days_that_are_bad_are_believed_nothing_of() -> None:
    swapped = [0.26 - said for said in SAID]
    assert borne_out(told(SAID, EVEN, swapped)) == 0


def test_more_answers_prove_more() -> None:
    whole = told(SAID, EVEN, SAID)
    few = Foretold(
        whole.at_time[:60], whole.any_time[:60], whole.approved[:60], whole.count[:60]
    )
    none = np.array([])
    nothing = Foretold(none, none, none, count=np.array([], dtype=int))
    assert borne_out(nothing) == pytest.approx(UNPROVEN)
    assert borne_out(few) < borne_out(whole)


def test_nobody_or_everybody_paying_breaks_nothing() -> None:
    for true in (0.0, 1.0):
        assert 0 <= borne_out(told(SAID, EVEN, [true] * TRIES)) <= 1
