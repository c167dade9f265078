"""The strategies by name, and the two plain ones."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from app.domain.decision import decide
from app.domain.steps import GiveUp, Observe, RetryAt
from app.domain.strategies import ALL, DEFAULT, UnknownStrategy, strategy_named
from app.domain.strategies.fixed_ladder import FixedLadder
from app.domain.strategies.hands_off import HandsOff
from tests.domain.builders import MONDAY, a_case, all_steps, days, hours


@pytest.mark.parametrize("name", ALL)
def test_a_strategy_is_found_by_its_own_name(name: str) -> None:
    strategy = strategy_named(name)
    assert strategy.name == name
    assert strategy.version


def test_the_default_is_the_even_spread() -> None:
    assert DEFAULT == "even-spread"
    assert {"even-spread", "fixed-ladder", "hands-off"} <= set(ALL)


@pytest.mark.parametrize("name", ["", "Even-Spread", "../adaptive", "none"])
def test_an_unknown_name_is_refused_with_the_names_there_are(name: str) -> None:
    with pytest.raises(UnknownStrategy) as refusal:
        strategy_named(name)
    assert all(known in str(refusal.value) for known in ALL)


def test_the_ladder_tries_after_1_3_5_and_7_days_then_gives_up() -> None:
    steps = all_steps(FixedLadder(), a_case(), now=MONDAY)
    moments = [step.at - MONDAY for step in steps if isinstance(step, RetryAt)]
    assert moments == [days(1), days(3), days(5), days(7)]
    assert isinstance(steps[-1], GiveUp)
    assert "four" in steps[-1].reason


@pytest.mark.parametrize(
    ("retries", "now", "at"),
    [
        (0, MONDAY, MONDAY + days(1)),
        (2, MONDAY + days(3), MONDAY + days(5)),
        # a rung missed while retries were off is made up for
        (1, MONDAY + days(6), MONDAY + days(6)),
    ],
)
def test_the_ladders_next_rung(retries: int, now: datetime, at: datetime) -> None:
    step = FixedLadder().next_step(a_case(retries=retries), now=now)
    assert isinstance(step, RetryAt)
    assert step.at == at


def test_missed_rungs_are_not_made_up_for_all_at_once() -> None:
    steps = all_steps(FixedLadder(), a_case(), now=MONDAY + days(10))
    moments = [step.at for step in steps if isinstance(step, RetryAt)]
    assert len(moments) == 4
    gaps = [b - a for a, b in pairwise(moments)]
    assert min(gaps) >= hours(20)


def test_hands_off_never_charges() -> None:
    for days_later in range(0, 28, 7):
        now = MONDAY + timedelta(days=days_later)
        assert isinstance(decide(HandsOff(), a_case(), now=now), Observe)
