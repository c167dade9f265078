"""Charges begin evenly, at the pace that was asked for."""

import pytest

from app.services.pace import Pace


def begun(pace: Pace, *, since: float, until: float, turn: float) -> int:
    """How many begin when each turn of the engine begins all that may."""
    many = 0
    for n in range(round((until - since) / turn)):
        room = pace.room(at=since + n * turn)
        pace.begin(room)
        many += room
    return many


@pytest.mark.parametrize("turn", [0.01, 0.1, 0.15])
def test_the_pace_is_held_whatever_a_turn_takes(turn: float) -> None:
    pace = Pace(20)
    begun(pace, since=0, until=3, turn=turn)
    assert begun(pace, since=3, until=63, turn=turn) == pytest.approx(60 * 20, abs=5)


def test_no_second_sees_more_than_a_turn_above_the_pace() -> None:
    assert begun(Pace(20), since=0, until=1, turn=0.05) <= 24


def test_what_was_not_begun_for_a_minute_does_not_begin_at_once() -> None:
    pace = Pace(20)
    assert pace.room(at=0) == pace.room(at=60) == 4


def test_a_slow_pace_still_begins() -> None:
    assert begun(Pace(0.5), since=0, until=60, turn=0.1) == pytest.approx(30, abs=1)
