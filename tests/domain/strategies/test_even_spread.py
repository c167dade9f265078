"""Even spread: well-made tries over the whole window."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from app.domain.cases import Card, Case, Customer
from app.domain.declines import Codes, Decline
from app.domain.steps import AskCustomer, GiveUp, RetryAt
from app.domain.strategies.even_spread import RARE_TRIES, EvenSpread
from tests.domain.builders import (
    MONDAY,
    a_case,
    a_decline,
    all_steps,
    days,
    hours,
    refused_again,
)

NEW_YORK = ZoneInfo("America/New_York")
EVEN = EvenSpread()


def tries(case: Case, *, now: datetime = MONDAY) -> list[datetime]:
    """The moments of all tries when each is refused with the same codes."""
    steps = all_steps(EVEN, case, now=now)
    return [step.at for step in steps if isinstance(step, RetryAt)]


def one(case: Case, *, now: datetime = MONDAY) -> RetryAt:
    step = EVEN.next_step(case, now=now)
    assert isinstance(step, RetryAt)
    return step


SEEDS = range(25)


@pytest.mark.parametrize(
    "code", ["insufficient_funds", "do_not_honor", "generic_decline"]
)
def test_eight_tries_reach_over_the_whole_window(code: str) -> None:
    for seed in SEEDS:
        moments = tries(a_case(code, seed=seed))
        assert len(moments) == 8
        gaps = [b - a for a, b in pairwise([MONDAY, *moments])]
        assert max(gaps) < days(8.5)
        assert min(gaps) > days(1)
        assert MONDAY + days(1.5) < moments[0] < MONDAY + days(4.5)
        assert MONDAY + days(24) < moments[-1] <= MONDAY + days(28)


def test_every_try_is_at_a_good_hour_of_the_customers_day() -> None:
    for zone in ("America/New_York", "Pacific/Auckland", "Asia/Kathmandu"):
        case = a_case(customer=Customer("cus_1", timezone=zone))
        for moment in tries(case):
            there = moment.astimezone(ZoneInfo(zone))
            assert 9 <= there.hour < 15


def test_a_clock_change_on_the_way_moves_no_try_to_a_bad_hour() -> None:
    start = datetime.fromisoformat("2026-03-20T08:00Z")
    case = a_case(
        declines=(a_decline(occurred_at=start),),
        deadline_at=start + days(28),
        customer=Customer("cus_1", timezone="Europe/Berlin"),
    )
    there = [m.astimezone(ZoneInfo("Europe/Berlin")) for m in tries(case, now=start)]
    assert len({moment.utcoffset() for moment in there}) == 2
    assert all(9 <= moment.hour < 15 for moment in there)


def test_the_tries_of_one_case_are_not_alike() -> None:
    for seed in SEEDS:
        there = [m.astimezone(NEW_YORK) for m in tries(a_case(seed=seed))]
        assert len({moment.date() for moment in there}) == 8
        # whoever is paid on one weekday is met by it
        assert len({moment.weekday() for moment in there}) >= 6
        assert len({moment.hour for moment in there}) >= 2


def test_one_merchants_tries_do_not_fire_together() -> None:
    firsts = [one(a_case(seed=seed, invoice_id=f"in_{seed}")).at for seed in range(200)]
    assert len({moment.replace(second=0, microsecond=0) for moment in firsts}) > 30
    assert len(set(firsts)) == 200


def test_the_same_case_gets_the_same_plan() -> None:
    assert one(a_case(seed=7)) == one(a_case(seed=7))
    assert one(a_case(seed=7)).at != one(a_case(seed=8)).at
    # asked again later, with nothing new: the plan stands
    assert one(a_case(), now=MONDAY + days(1)).at == one(a_case()).at


def test_an_unknown_zone_is_said_and_daytime_nearly_everywhere() -> None:
    case = a_case(customer=Customer("cus_1"), card=Card(brand="visa"))
    step = one(case)
    assert "zone unknown" in step.reason
    assert 15 <= step.at.hour < 18


# Codes.


def test_a_technical_fault_is_tried_again_in_a_few_hours() -> None:
    for seed in SEEDS:
        at = one(a_case("processing_error", seed=seed)).at
        assert hours(2) <= at - MONDAY <= hours(4)


def test_a_second_technical_fault_is_tried_the_next_day_then_evenly() -> None:
    moments = tries(a_case("issuer_not_available"))
    assert len(moments) == 8
    gaps = [b - a for a, b in pairwise(moments)]
    assert hours(20) <= gaps[0] <= days(2.5)
    assert gaps[1] > days(2)
    assert moments[-1] > MONDAY + days(24)


def test_a_limit_is_tried_the_next_day_once_then_evenly() -> None:
    moments = tries(a_case("card_velocity_exceeded"))
    assert hours(20) <= moments[0] - MONDAY <= days(2.5)
    assert moments[1] - moments[0] > days(2)


def test_a_card_that_only_an_updater_can_mend_gets_fewer_tries_then_the_customer() -> (
    None
):
    case = a_case("expired_card")
    steps = all_steps(EVEN, case, now=MONDAY)
    assert len(steps) == RARE_TRIES + 1
    assert isinstance(steps[-1], AskCustomer)
    last = steps[-2]
    assert isinstance(last, RetryAt)
    assert last.at > MONDAY + days(24)


def test_an_unknown_code_is_tried_with_care() -> None:
    assert len(tries(a_case("a_code_of_next_year"))) == RARE_TRIES


def test_stripes_own_refusal_for_low_chances_may_be_tried_later() -> None:
    blocked = a_case("low_probability_of_authorization")
    assert len(tries(blocked)) == 8
    assert tries(blocked)[0] > MONDAY + days(1)


@pytest.mark.parametrize(("advice", "wait"), [("30", 10), ("27", 4), ("24", 0)])
def test_advice_is_waited_for_and_the_rest_spread_over_what_is_left(
    advice: str, wait: int
) -> None:
    decline = a_decline(network_advice_code=advice, network="mastercard")
    case = a_case(declines=(decline,), card=Card(brand="mastercard"))
    first = one(case)
    assert MONDAY + days(wait) <= first.at
    if wait == 10:
        assert first.at <= MONDAY + days(12)
        assert first.rules == ("Mastercard advice 30: wait 10 days",)
    # afterwards the bank says nothing more of the kind
    later = refused_again(case, first.at, Codes("insufficient_funds"))
    moments = tries(later, now=first.at)
    assert len(moments) == 7
    assert moments[-1] > MONDAY + days(24)


# Windows.


@pytest.mark.parametrize(
    ("window", "at_least", "at_most"),
    [(0.5, 0, 0), (1, 1, 1), (2, 1, 2), (5, 4, 5), (9, 7, 8), (12, 8, 8), (60, 8, 8)],
)
def test_short_windows_get_fewer_tries_and_never_two_a_day(
    window: float, at_least: int, at_most: int
) -> None:
    for seed in SEEDS:
        case = a_case(deadline_at=MONDAY + days(window), seed=seed)
        moments = tries(case)
        assert at_least <= len(moments) <= at_most
        local_days = [moment.astimezone(NEW_YORK).date() for moment in moments]
        assert len(set(local_days)) == len(local_days)
        assert all(moment <= case.deadline_at for moment in moments)


def test_when_no_good_hour_is_left_any_hour_is_better_than_none() -> None:
    # Declined at seven in the morning, and the window closes before the next day's.
    case = a_case(deadline_at=MONDAY + hours(22))
    step = one(case)
    assert MONDAY + hours(20) <= step.at <= case.deadline_at
    assert step.evidence["good_hour"] is False


def test_where_no_good_hour_is_left_the_day_is_better_than_the_night() -> None:
    """A plan billed every three days: from Monday 20:00 to Wednesday 08:00."""
    declined_at = datetime(2026, 12, 14, 20, 0, tzinfo=NEW_YORK).astimezone(UTC)
    for seed in SEEDS:
        case = a_case(
            declines=(a_decline(occurred_at=declined_at),),
            customer=Customer("cus_1", timezone="America/New_York"),
            deadline_at=declined_at + hours(36),
            seed=seed,
        )
        at = one(case, now=declined_at).at
        assert 8 <= at.astimezone(NEW_YORK).hour < 21
        assert declined_at + hours(20) <= at <= case.deadline_at


def test_after_a_long_pause_the_tries_left_are_spread_anew_not_fired_at_once() -> None:
    now = MONDAY + days(14)
    firsts = [
        one(a_case(seed=seed, invoice_id=f"in_{seed}"), now=now).at
        for seed in range(60)
    ]
    assert all(now < first < now + days(5) for first in firsts)
    a_day = Counter(first.date() for first in firsts)
    assert len(a_day) >= 3
    assert max(a_day.values()) <= 40
    rest = tries(a_case(), now=now)
    assert len(rest) == 8
    assert rest[-1] > MONDAY + days(24)


def test_charges_made_by_others_leave_fewer_tries() -> None:
    case = a_case(charges=6)
    assert len(tries(case)) == 3


def test_nothing_fits_any_more() -> None:
    case = a_case(deadline_at=MONDAY + hours(10))
    assert isinstance(EVEN.next_step(case, now=MONDAY), GiveUp)


# The card on the wall.


def test_a_decision_shows_how_it_came_about() -> None:
    step = one(a_case())
    assert "not enough money" in step.reason
    assert "Try 1 of at most 8" in step.reason
    assert "America/New_York" in step.reason
    assert step.propensity == 1.0
    assert step.alternatives
    assert all(other.reason and other.at != step.at for other in step.alternatives)
    assert step.evidence["try"] == 1
    assert step.evidence["tries_left"] == 8


def test_a_rule_that_moved_nothing_is_not_named() -> None:
    assert one(a_case()).rules == ()


def test_a_case_of_many_declines_by_others_is_still_planned() -> None:
    declines = tuple(
        Decline(MONDAY + timedelta(days=n), Codes("do_not_honor")) for n in range(5)
    )
    case = replace(a_case(charges=5), declines=declines)
    step = one(case, now=MONDAY + days(4))
    assert step.at > MONDAY + days(5)
