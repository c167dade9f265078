"""Adaptive: departs only as evidence allows, explains itself, never fails to answer."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.cases import Card, Case, Customer
from app.domain.decision import decide
from app.domain.money import Money
from app.domain.steps import GiveUp, RetryAt, Step
from app.domain.strategies.adaptive import Adaptive, Model
from app.domain.strategies.adaptive.strategy import FALLBACK
from app.domain.strategies.even_spread import EvenSpread
from tests.domain.adaptive.builders import MONDAY, a_case, a_free_model, refusal

CODES = ["insufficient_funds", "do_not_honor", "generic_decline", "processing_error"]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Cases with up to six retries behind them, and much or little known."""
    gaps = draw(st.lists(st.floats(0.9, 4.0), max_size=6))
    days = [0.0]
    for gap in gaps:
        days.append(days[-1] + gap)
    declines = tuple(refusal(day, draw(st.sampled_from(CODES))) for day in days)
    past = st.lists(st.integers(31, 400), max_size=6)
    return a_case(
        declines=declines,
        amount=Money(draw(st.integers(100, 90_000)), "usd"),
        card=Card(funding=draw(st.sampled_from([None, "credit", "debit"]))),
        customer=Customer(
            "cus", timezone=draw(st.sampled_from([None, "Europe/Berlin", "Nowhere/At"]))
        ),
        past_successes=tuple(MONDAY - timedelta(days=day) for day in draw(past)),
        past_declines=tuple(MONDAY - timedelta(days=day) for day in draw(past)),
        deadline_at=MONDAY + timedelta(days=draw(st.floats(days[-1], 45))),
        seed=draw(st.integers(0, 10**9)),
    )


def planned(case: Case, model: Model | None = None) -> Step:
    model = model or a_free_model()
    return decide(Adaptive(model), case, now=case.last_decline.occurred_at)


@given(case=cases())
def test_the_same_seed_gives_the_same_plan(case: Case) -> None:
    assert planned(case) == planned(case)


@given(case=cases(), shuffle=st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_of_the_facts(
    case: Case, shuffle: random.Random
) -> None:
    successes, declines = list(case.past_successes), list(case.past_declines)
    shuffle.shuffle(successes)
    shuffle.shuffle(declines)
    other = replace(
        case, past_successes=tuple(successes), past_declines=tuple(declines)
    )
    assert planned(case) == planned(other)


@given(case=cases(), advice=st.sampled_from([("24", 1), ("26", 48), ("30", 240)]))
def test_a_try_never_precedes_the_advised_time(
    case: Case, advice: tuple[str, int]
) -> None:
    code, hours = advice
    last = refusal(
        (case.last_decline.occurred_at - MONDAY) / timedelta(days=1),
        network_advice_code=code,
    )
    step = planned(replace(case, declines=(*case.declines[:-1], last)))
    if isinstance(step, RetryAt):
        assert step.at >= last.occurred_at + timedelta(hours=hours)
        assert step.at <= case.deadline_at


@given(case=cases(), is_free=st.booleans())
def test_what_is_said_to_be_planned_for_later_is_planned(
    case: Case, *, is_free: bool
) -> None:
    assert_told_as_planned(planned(case, a_free_model() if is_free else Model.fresh()))


def test_a_day_beside_a_planned_try_is_told_at_the_time_of_that_try() -> None:
    # The even spread's own times lie some minutes beside the model's in Berlin here.
    case = a_case(
        amount=Money(100, "usd"),
        declines=tuple(refusal(day) for day in (0, 2.5, 6.5, 9.5)),
        customer=Customer("cus", timezone="Europe/Berlin"),
        card=Card(),
        past_declines=tuple(MONDAY - timedelta(days=day) for day in (33, 33, 47, 159)),
        deadline_at=MONDAY + timedelta(days=21),
        seed=2,
    )
    step = planned(case, replace(Model.fresh(), timing=1.0))
    assert assert_told_as_planned(step)


def assert_told_as_planned(step: Step) -> int:
    """How many times were told as planned for later: each is one of the plan's."""
    if not isinstance(step, RetryAt):
        return 0
    told = step.evidence.get("planned")
    times = (
        [datetime.fromisoformat(at) for at in told] if isinstance(told, list) else []
    )
    later = [
        other.at
        for other in step.alternatives
        if other.reason.startswith("planned for later")
    ]
    for at in later:
        assert min(abs(each - at) for each in times) < timedelta(minutes=2)
    return len(later)


@given(case=cases())
def test_every_answer_is_inside_the_window_and_says_why(case: Case) -> None:
    step = planned(case)
    assert step.reason
    if isinstance(step, RetryAt):
        assert case.last_decline.occurred_at < step.at <= case.deadline_at
        assert 0 < step.propensity <= 1
        assert step.probability is None or 0 <= step.probability <= 1


def test_without_history_the_even_spread_is_followed() -> None:
    case = a_case()
    step = planned(case, Model.fresh())
    even = decide(EvenSpread(), case, now=MONDAY)
    assert isinstance(step, RetryAt)
    assert isinstance(even, RetryAt)
    assert step.at == even.at
    assert step.evidence["plan"] == "even spread"
    assert step.probability is not None


def test_a_proven_model_goes_where_the_customers_own_calendar_points() -> None:
    # Renewals passed on the 1st to 5th of each month and failed on all later days:
    # paid on the last day of the month, broke a week after.
    good = [
        datetime(2025, month, day, 16, tzinfo=UTC)
        for month in (10, 11, 12)
        for day in (2, 4)
    ]
    bad = [
        datetime(2025, month, day, 16, tzinfo=UTC)
        for month in (10, 11, 12)
        for day in (12, 17, 24)
    ]
    declined = refusal(10)  # Thursday 12 March
    case = a_case(
        declines=(declined,),
        deadline_at=declined.occurred_at + timedelta(days=28),
        past_successes=tuple(good),
        past_declines=tuple(bad),
    )
    step = Adaptive(a_free_model()).next_step(case, now=declined.occurred_at)
    assert isinstance(step, RetryAt)
    assert step.evidence["plan"] in {"model", "exploration"}
    belief = step.evidence["belief"]
    assert isinstance(belief, dict)
    assert belief["no money until payday"] > 0.5
    told = step.evidence["planned"]
    assert isinstance(told, list)
    planned_days = [datetime.fromisoformat(str(at)) for at in told]
    month_end = [at for at in planned_days if at.day >= 30 or at.day <= 6]
    assert len(month_end) >= 2


class Breaks:
    """An array that cannot be worked with."""

    def __getattr__(self, name: str) -> object:
        raise FloatingPointError(name)


def test_a_model_that_breaks_falls_back_to_the_even_spread(
    caplog: pytest.LogCaptureFixture,
) -> None:
    case = a_case()
    broken = replace(Model.fresh(), causes=Breaks())  # type: ignore[arg-type]
    step = planned(case, broken)
    even = decide(EvenSpread(), case, now=MONDAY)
    assert isinstance(step, RetryAt)
    assert isinstance(even, RetryAt)
    assert step.at == even.at
    assert FALLBACK in step.rules
    assert "in_1" in caplog.text


def test_years_without_a_calendar_fall_back_too() -> None:
    far = datetime(2070, 1, 1, tzinfo=UTC)
    old = replace(refusal(), occurred_at=far)
    case = a_case(declines=(old,), deadline_at=far + timedelta(days=28))
    assert isinstance(Adaptive(a_free_model()).next_step(case, now=far), RetryAt)


def test_what_was_unknown_is_on_the_card() -> None:
    step = planned(
        a_case(card=Card(), customer=Customer("cus"), declines=(refusal(0, "x_9"),))
    )
    assert isinstance(step, RetryAt)
    unknown = step.evidence["unknown"]
    assert isinstance(unknown, list)
    assert {"time zone", "country", "earlier renewals"} <= set(unknown)
    assert "what this decline code stands for" in unknown


def test_where_the_zone_is_unknown_plans_keep_to_day_on_three_continents() -> None:
    step = planned(a_case(card=Card(), customer=Customer("cus")), a_free_model())
    assert isinstance(step, RetryAt)
    told = step.evidence["planned"]
    assert isinstance(told, list)
    assert {datetime.fromisoformat(str(at)).hour for at in told} <= {15, 16, 17}


def test_a_recovery_without_hope_is_ended_by_a_proven_model_alone() -> None:
    model = a_free_model()
    causes = model.causes.copy()
    causes[:] = [1e-7] * 6 + [1 - 6e-7]
    hopeless = replace(model, causes=causes)
    case = a_case(amount=Money(900, "usd"))
    assert isinstance(Adaptive(hopeless).next_step(case, now=MONDAY), GiveUp)
    unproven = replace(hopeless, skill=0.0)
    assert isinstance(Adaptive(unproven).next_step(case, now=MONDAY), RetryAt)
    # The same small chance of a larger amount is worth its tries.
    large = a_case(amount=Money(29_000, "usd"))
    assert isinstance(Adaptive(hopeless).next_step(large, now=MONDAY), RetryAt)
