"""Own strategies: the first line that fits decides; no line may break a rule."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.cases import Card
from app.domain.decline_codes import ROWS, SameCard, Space
from app.domain.declines import DeclineKind
from app.domain.money import Money
from app.domain.network_rules import MAX_RETRIES
from app.domain.network_rules_data import PUBLISHED, Cap
from app.domain.rehearsal import rehearse
from app.domain.steps import AskCustomer, GiveUp, RetryAt, Step
from app.domain.strategies.own import After, Definition, Line, OwnStrategy, Then
from app.domain.strategies.own_json import BadDefinition, from_json, to_json
from app.domain.strategies.own_rules import faults_in
from app.domain.strategies.own_words import sentences
from tests.domain.builders import MONDAY, a_case, a_decline, days, hours, refused_again

LADDER = Line(then=Then.DELAYS, delays=(days(1), days(4), days(9)))


def strategy(*lines: Line) -> OwnStrategy:
    return OwnStrategy("mine", "1", Definition(lines))


def step_of(*lines: Line, **over: Any) -> Step:
    return strategy(*lines).next_step(a_case(**over), now=MONDAY)


def said(*lines: Line) -> str:
    return " ".join(str(fault) for fault in faults_in(Definition(lines)))


def test_the_first_line_that_fits_decides() -> None:
    asks = Line(codes=("insufficient_funds",), then=Then.ASK)
    assert isinstance(step_of(asks, LADDER), AskCustomer)
    step = step_of(replace(asks, codes=("do_not_honor",)), LADDER)
    assert isinstance(step, RetryAt)
    assert step.at == MONDAY + days(1)
    assert "Line 2" in step.reason


@pytest.mark.parametrize(
    ("line", "over", "fits"),
    [
        (Line(kinds=(DeclineKind.SOFT,)), {}, True),
        (Line(kinds=(DeclineKind.TECHNICAL,)), {}, False),
        (Line(funding="debit"), {"card": Card(funding="debit")}, True),
        (Line(funding="debit"), {"card": Card(funding="credit")}, False),
        (Line(funding="debit"), {"card": Card()}, False),
        (Line(plan="Basic"), {"plan": " basic "}, True),
        (Line(plan="Basic"), {"plan": None}, False),
        (Line(currency="usd"), {}, True),
        (Line(currency="eur"), {}, False),
        (Line(currency="usd", amount_from=2000, amount_to=2000), {}, True),
        (Line(currency="usd", amount_from=2001), {}, False),
        (Line(currency="usd", amount_to=1999), {}, False),
        (Line(currency="usd"), {"amount": Money(1, "eur")}, False),
    ],
)
def test_a_line_fits_only_what_it_names(
    line: Line, over: dict[str, Any], fits: bool
) -> None:
    assert line.fits(a_case(**over)) is fits


def test_what_no_line_fits_is_spread_evenly() -> None:
    step = step_of(Line(kinds=(DeclineKind.TECHNICAL,)))
    assert isinstance(step, RetryAt)
    assert step.reason.startswith("No line fits, so as Even spread")


def test_delays_are_kept_and_then_the_customer_is_asked() -> None:
    line = replace(LADDER, after=After.ASK)
    told = rehearse(strategy(line), a_case(), now=MONDAY)
    assert [each.at - MONDAY for each in told.retries] == [days(1), days(4), days(9)]
    assert isinstance(told.ending, AskCustomer)


def test_retries_are_spread_over_the_lines_own_window() -> None:
    line = Line(tries=3, window_days=9)
    told = rehearse(strategy(line), a_case(), now=MONDAY)
    after = [(each.at - MONDAY) / days(1) for each in told.retries]
    assert after == pytest.approx([3, 6, 9], abs=0.3)
    assert isinstance(told.ending, GiveUp)


def test_retries_fall_on_the_lines_hours_of_the_customers_clock() -> None:
    line = Line(tries=4, hours=(9.0, 18.5))
    told = rehearse(strategy(line), a_case(), now=MONDAY)
    # New York is five hours behind UTC in November.
    clocks = [each.at - hours(5) for each in told.retries]
    assert all((at.hour, at.minute < 15) == (9, True) or at.hour == 18 for at in clocks)


def test_retries_that_came_due_while_all_was_off_do_not_fire_at_once() -> None:
    now = MONDAY + days(6)
    step = strategy(LADDER).next_step(a_case(), now=now)
    assert isinstance(step, RetryAt)
    assert now < step.at < now + days(1)


def test_a_window_that_is_over_ends_it() -> None:
    line = Line(tries=3, window_days=5)
    step = strategy(line).next_step(a_case(), now=MONDAY + days(6))
    assert isinstance(step, GiveUp)
    assert "window" in step.reason


@pytest.mark.parametrize("line", [LADDER, Line(), Line(hours=(3.0,))])
def test_no_own_strategy_gets_past_the_networks_rules(line: Line) -> None:
    case = a_case()
    for _ in range(3):
        case = refused_again(case, case.last_decline.occurred_at + hours(1))
    told = rehearse(strategy(line), case, now=case.last_decline.occurred_at)
    assert case.retries + len(told.retries) <= MAX_RETRIES
    stolen = a_case("stolen_card")
    assert not rehearse(strategy(line), stolen, now=MONDAY).retries


def test_a_decline_never_fits_two_lines_by_kind_alone_after_a_change() -> None:
    """The newest decline decides, not the first."""
    case = a_case(declines=(a_decline(), a_decline("processing_error")), charges=2)
    technical = Line(kinds=(DeclineKind.TECHNICAL,), then=Then.GIVE_UP)
    assert isinstance(strategy(technical, LADDER).next_step(case, now=MONDAY), GiveUp)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (Line(tries=9), "9 retries: between 1 and 8 are possible"),
        (Line(tries=0), "0 retries"),
        (Line(then=Then.DELAYS), "write at least one delay"),
        (Line(window_days=29), "between 1 and 28 days"),
        (Line(tries=8, window_days=5), "15 hours apart: at least 20"),
        (replace(LADDER, delays=(hours(3),)), "3 hours apart: at least 20"),
        (replace(LADDER, delays=(days(3), days(2))), "longer than the one before"),
        (replace(LADDER, window_days=5), "after the window of 5 days"),
        (Line(hours=(24.0,)), "between 0:00 and 23:59"),
        (Line(kinds=(DeclineKind.HARD,)), "never charged again on the same card"),
        (Line(codes=("stolen_card",)), "stolen_card is never charged again"),
        (Line(codes=("insuficient_funds",)), "Did you mean insufficient_funds?"),
        (Line(amount_from=100), "which currency"),
        (Line(currency="eur", amount_from=2, amount_to=1), "larger amount"),
        (
            replace(LADDER, codes=("duplicate_transaction",), delays=(hours(21),)),
            "after duplicate_transaction the next charge has to wait 24 hours",
        ),
    ],
)
def test_a_line_that_breaks_a_rule_is_named(line: Line, sentence: str) -> None:
    first = Line(codes=("do_not_honor",))
    assert sentence in said(line)
    assert f"Line 2: {said(line).removeprefix('Line 1: ')}" in said(first, line)


def test_the_networks_caps_are_read_from_their_table() -> None:
    tight = Cap("visa", 5, days(30), MONDAY.date(), "a test")
    rules = replace(PUBLISHED, caps=(tight,))
    faults = faults_in(Definition((Line(tries=5),)), rules=rules)
    assert [fault.sentence for fault in faults] == [
        "6 charges in 30 days: visa allows 5. Rule: a test."
    ]
    assert not faults_in(Definition((Line(tries=4),)), rules=rules)


def test_every_never_code_is_refused_and_every_other_code_is_not() -> None:
    for row in ROWS:
        if row.space is Space.STRIPE:
            faults = faults_in(Definition((Line(codes=(row.code,), tries=4),)))
            assert bool(faults) is (row.same_card is SameCard.NO), row.code


def test_a_technical_fault_may_be_tried_again_after_two_hours() -> None:
    line = Line(
        kinds=(DeclineKind.TECHNICAL,),
        then=Then.DELAYS,
        delays=(hours(2), hours(26)),
    )
    assert not said(line)
    soft = replace(line, kinds=(DeclineKind.SOFT, DeclineKind.TECHNICAL))
    assert "2 hours apart" in said(soft)


def test_a_line_that_is_never_reached_is_named() -> None:
    assert "Line 2: it is never reached, for line 1" in said(Line(), LADDER)


def test_a_strategy_without_lines_is_none() -> None:
    assert "at least one line" in said()


def test_stored_definitions_come_back_as_they_were() -> None:
    definition = Definition(
        (
            Line(
                kinds=(DeclineKind.SOFT,),
                codes=("insufficient_funds",),
                funding="debit",
                plan="Basic",
                currency="eur",
                amount_from=100,
                amount_to=9900,
                then=Then.DELAYS,
                delays=(timedelta(hours=36), days(5)),
                hours=(9.5,),
                window_days=20,
                after=After.ASK,
            ),
            Line(),
        )
    )
    assert from_json(to_json(definition)) == definition
    first, second = sentences(definition)
    assert first == (
        "Soft declines with insufficient_funds of debit cards of the plan “Basic” from "
        "1.00 EUR up to 99.00 EUR: retry 36 hours, 5 days after the first decline, "
        "about 9:30 local time; then ask the customer."
    )
    assert second == "Any decline: retry 8 times, spread over 28 days; then give up."


@pytest.mark.parametrize("stored", [{}, {"lines": [{}]}, {"lines": 3}])
def test_what_is_no_definition_says_so(stored: dict[str, Any]) -> None:
    with pytest.raises(BadDefinition):
        from_json(stored)
