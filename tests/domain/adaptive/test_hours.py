"""Hours: the even spread's, until the merchant's own answers speak for another."""

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from app.domain.cases import Card, Case, Customer
from app.domain.decision import decide
from app.domain.money import Money
from app.domain.steps import RetryAt
from app.domain.strategies.adaptive import Adaptive, Model, effects, hours
from app.domain.strategies.even_spread import EvenSpread
from tests.domain.adaptive.builders import MONDAY, a_case, refusal

MORNING, EVENING = 2, 6  # parts of the day


def learned(evening: float = 0.0, tried: float = 100.0) -> Model:
    """Answers from all parts of the day; in the evening the odds differ."""
    found = np.zeros(effects.FEATURES)
    found[effects.HOUR_AT + EVENING] = evening
    counts = np.full(effects.HOURS, tried)
    return replace(
        Model.fresh(), effects=found, hours_tried=counts, answered=100, rate=0.15
    )


def tries(model: Model, case: Case) -> tuple[RetryAt, RetryAt]:
    """Adaptive's and the even spread's."""
    mine = decide(Adaptive(model), case, now=case.last_decline.occurred_at)
    even = decide(EvenSpread(), case, now=case.last_decline.occurred_at)
    assert isinstance(mine, RetryAt)
    assert isinstance(even, RetryAt)
    return mine, even


def local_hour(step: RetryAt) -> int:
    return (step.at - timedelta(hours=5)).hour  # New York, before the clocks change


def test_where_evenings_pass_the_even_spreads_days_are_kept_and_its_hours_left() -> (
    None
):
    mine, even = tries(learned(evening=1.0), a_case())
    assert local_hour(mine) == 21
    assert (mine.at - timedelta(hours=5)).date() == (
        even.at - timedelta(hours=5)
    ).date()
    assert mine.evidence["plan"] == "even spread, other hour"
    assert "At another hour" in mine.reason


def test_where_no_hour_is_clearly_better_the_even_spreads_is_kept() -> None:
    mine, even = tries(learned(evening=0.2), a_case())
    assert mine.at == even.at
    assert mine.propensity == 1.0


def test_of_the_even_spreads_own_hours_the_one_that_passes_best_is_kept_to() -> None:
    """Pay is spent from nine on: tries before eleven pass, those after fail."""
    model = learned(tried=2000)
    model.effects[effects.HOUR_AT + MORNING] = 0.5
    found = [
        tries(model, a_case(declines=(refusal(seed / 24),), seed=seed))
        for seed in range(24)
    ]
    assert {local_hour(even) for _, even in found} == {9, 11, 13, 14}
    assert {local_hour(mine) for mine, _ in found} == {9}


def test_among_its_own_hours_the_even_spread_is_not_moved_by_luck() -> None:
    model = learned(tried=60)
    model.effects[effects.HOUR_AT + MORNING] = 0.5
    for seed in range(24):
        case = a_case(declines=(refusal(seed / 24),), seed=seed)
        mine, even = tries(model, case)
        assert mine.evidence["plan"] != "even spread, other hour"
        assert mine.at == even.at or mine.evidence["plan"] == "model"


def test_another_part_of_the_day_that_luck_may_have_lifted_is_explored_more() -> None:
    promising = learned(evening=0.35, tried=20)
    for seed in range(60):
        case = a_case(seed=seed)
        mine, even = tries(promising, case)
        if mine.at != even.at:
            assert local_hour(mine) == 21
            assert mine.propensity == hours.PROMISING
        else:
            assert mine.propensity == 1 - hours.PROMISING
    assert hours.best_hour(promising) == hours.USUAL
    assert hours.best_hour(learned(evening=0.35, tried=200)) == hours.OF_PARTS[EVENING]


def test_an_hour_is_left_only_for_one_that_is_better_than_all_of_the_even_spreads() -> (
    None
):
    """Bad luck between eight and twelve made every other hour look better."""
    model = learned(evening=0.1)
    model.effects[effects.HOUR_AT + hours.part_of(hours.USUAL)] = -0.5
    mine, even = tries(model, a_case())
    assert mine.at == even.at
    assert hours.part_of(hours.best_hour(model)) in hours.EVEN_PARTS


def test_parts_of_the_day_are_explored_until_they_are_known() -> None:
    def moved(model: Model) -> list[RetryAt]:
        found = [tries(model, a_case(seed=seed)) for seed in range(300)]
        return [mine for mine, even in found if mine.at != even.at]

    explored = moved(learned(tried=hours.KNOWN_FROM - 1))
    assert 10 <= len(explored) <= 60
    assert {local_hour(each) for each in explored} >= {6, 18, 21}
    assert 0 not in {local_hour(each) for each in explored}
    assert all(0 < each.propensity < hours.EXPLORED for each in explored)
    assert not moved(learned(tried=hours.KNOWN_AT_MOST))


def test_a_part_of_the_day_is_explored_while_it_may_be_clearly_better() -> None:
    few, most = hours.KNOWN_FROM, hours.KNOWN_AT_MOST
    assert not hours.is_known(learned(evening=-0.8, tried=few - 1), EVENING)
    assert hours.is_known(learned(evening=-0.8, tried=few), EVENING)
    assert not hours.is_known(learned(evening=0.2, tried=few), EVENING)
    assert hours.is_known(learned(evening=0.2, tried=most), EVENING)


def test_where_few_tries_pass_more_are_needed_to_know_an_hour() -> None:
    often, seldom = learned(tried=40), replace(learned(tried=40), rate=0.03)
    assert hours.is_known(often, EVENING)
    assert not hours.is_known(seldom, EVENING)


@pytest.mark.parametrize(
    "case",
    [
        a_case(amount=Money(hours.MOST_EXPLORED + 1, "usd")),
        a_case(declines=(refusal(0, "processing_error"),)),
        a_case(deadline_at=MONDAY + timedelta(days=7)),
    ],
    ids=["a large amount", "a fault of the machinery", "a window of a week"],
)
def test_nothing_is_explored_where_it_would_cost(case: Case) -> None:
    for seed in range(60):
        mine, even = tries(learned(tried=0), replace(case, seed=seed))
        assert mine.at == even.at


def test_nothing_is_explored_where_nobody_knows_the_customers_hour() -> None:
    proven = replace(learned(tried=0), closed=900, timing=1.0)
    case = a_case(card=Card(), customer=Customer("cus"))
    for seed in range(60):
        mine, _ = tries(proven, replace(case, seed=seed))
        assert mine.evidence["plan"] == "model"
        assert mine.propensity == 1.0


def test_another_hour_never_leaves_the_window() -> None:
    case = a_case(deadline_at=MONDAY + timedelta(days=1, hours=5))
    mine, _ = tries(learned(evening=1.0), case)
    assert mine.at <= case.deadline_at


def test_parts_of_the_day_never_tried_are_no_better_than_usual() -> None:
    found = np.zeros(effects.FEATURES)
    found[effects.HOUR_AT + 2] = found[effects.HOUR_AT + 3] = -0.4
    tried = np.array([0, 0, 200, 200, 0, 0, 0.0])
    by_part = hours.settled(found, tried, 0.1)[effects.HOUR_AT : effects.WEEKDAY_AT]
    assert by_part == pytest.approx(np.full(effects.HOURS, -0.4))


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_models_of_older_formats_are_read(version: int) -> None:
    kept = json.loads(learned(evening=0.7).to_json()) | {"format": version}
    lacking = {1: ["hours_tried", "countries"], 2: ["countries"]}.get(version, [])
    if version < 4:
        del kept["effects"][effects.HOUR_AT + MORNING], kept["hours_tried"][MORNING]
        lacking += ["issuers", "rate"]
    for name in (*lacking, "timing"):
        del kept[name]
    model = Model.from_json(json.dumps(kept))
    assert model.effects.tolist() == learned(evening=0.7).effects.tolist()
    assert model.hours_tried.tolist() == [0 if version == 1 else 100] * effects.HOURS
    assert (model.countries, model.issuers) == ({}, {})
    assert model.timing == Model.fresh().timing
