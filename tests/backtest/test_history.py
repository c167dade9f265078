"""The back-test on a merchant's own history says no more than history knows."""

from datetime import datetime, timedelta

from app.backtest.history import (
    Ending,
    PastCase,
    Replay,
    compare,
    ending,
    replay,
    verdict,
)
from app.domain.cases import Case
from app.domain.declines import Codes
from app.domain.steps import GiveUp, RetryAt, Step
from tests.domain.adaptive.builders import MONDAY, a_case

REFUSED = Codes("insufficient_funds")


class OnDays:
    """Retries on these days after the first decline."""

    name, version = "on-days", "1"

    def __init__(self, *days: float) -> None:
        self.days = days

    def next_step(self, case: Case, *, now: datetime) -> Step:
        if case.retries >= len(self.days):
            return GiveUp("done")
        return RetryAt(MONDAY + timedelta(days=self.days[case.retries]), "")


def past(*days: float, paid: float | None = None) -> PastCase:
    tries = [(MONDAY + timedelta(days=day), REFUSED) for day in days]
    last = [] if paid is None else [(MONDAY + timedelta(days=paid), None)]
    return PastCase(a_case(), (*tries, *last))


def test_a_strategy_that_did_the_same_ends_the_same() -> None:
    assert ending(OnDays(2, 5), past(2, paid=5)) is Ending.RECOVERED
    assert ending(OnDays(2, 5), past(2, 5)) is Ending.LOST


def test_where_it_goes_elsewhere_nothing_is_known() -> None:
    assert ending(OnDays(2, 9), past(2, paid=5)) is Ending.UNKNOWN


def test_half_a_day_away_is_the_same_try() -> None:
    assert ending(OnDays(2.4, 5.3), past(2, paid=5)) is Ending.RECOVERED


def test_cases_that_say_nothing_are_shown_and_not_counted() -> None:
    found = replay(OnDays(2, 5), [past(2, paid=5), past(2, 5), past(3, paid=9)])
    assert (found.cases, found.known, found.recovered) == (3, 2, 1)
    assert found.share == 0.5


def test_few_known_cases_are_not_ranked() -> None:
    few, many = Replay(900, 99, 90), Replay(900, 400, 100)
    assert verdict(few, many).startswith("Not ranked: 99 of 900")


def test_intervals_that_overlap_are_not_ranked() -> None:
    assert verdict(Replay(900, 400, 200), Replay(900, 400, 204)).startswith("Not rank")
    assert verdict(Replay(900, 400, 300), Replay(900, 400, 200)).startswith("The first")
    assert verdict(Replay(900, 400, 100), Replay(900, 400, 200)).startswith(
        "The second"
    )
    assert Replay(5, 0, 0).interval == (0.0, 1.0)


def test_two_are_held_against_each_other_on_the_cases_known_of_both() -> None:
    history = [past(2, paid=5), past(2, 5), past(3, paid=9), past(3, 9)]
    found = compare(OnDays(2, 5), OnDays(2), history)
    assert (found.first.known, found.second.known) == (2, 2)
    assert (found.first_shared.known, found.first_shared.recovered) == (2, 1)
    assert (found.second_shared.known, found.second_shared.recovered) == (2, 0)
    apart = compare(OnDays(2, 5), OnDays(3, 9), history)
    assert (apart.first.recovered, apart.second.recovered) == (1, 1)
    assert apart.verdict.startswith("Not ranked: 0 of 4")
    many = compare(OnDays(2, 5), OnDays(2), [past(2, paid=5)] * 100)
    assert many.verdict.startswith("The first did better")
