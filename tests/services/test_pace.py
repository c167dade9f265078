"""Charges begin evenly, at the pace that was asked for, and give way to deliveries."""

import pytest

from app.services.pace import PATIENT_FOR, GivingWay, Pace


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


WAITED_LONG = 2 * PATIENT_FOR


def heard(pace: GivingWay, waited: float, *, since: float, until: float) -> float:
    """The pace after ten turns a second in each of which a delivery waited so long."""
    for n in range(round((until - since) * 10)):
        pace.heed(waited, at=since + n / 10)
    return pace.per_second


def test_charging_slows_down_while_deliveries_wait_and_comes_back_after() -> None:
    pace = GivingWay(120, least=30)
    assert heard(pace, 0, since=0, until=10) == 120
    slow = heard(pace, WAITED_LONG, since=10, until=11)
    assert slow < 80
    assert slow < heard(pace, 0, since=11, until=14) < 120
    assert heard(pace, 0, since=14, until=24) == 120


def test_charging_never_stops_for_deliveries() -> None:
    pace = GivingWay(120, least=30)
    assert heard(pace, WAITED_LONG, since=0, until=60) == 30
    assert begun(pace, since=60, until=70, turn=0.1) == pytest.approx(300, abs=10)


def test_one_slow_delivery_slows_charging_once_until_that_shows() -> None:
    pace = GivingWay(120, least=30)
    pace.heed(WAITED_LONG, at=1.0)
    once = pace.per_second
    pace.heed(WAITED_LONG, at=1.1)
    assert pace.per_second == once
