"""Planning: more time is never worse, haste is priced, cost ends it."""

from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.domain.cases import Case
from app.domain.strategies.adaptive import Model
from app.domain.strategies.adaptive.belief import belief
from app.domain.strategies.adaptive.planning import Plan, Slots, best_plan
from app.domain.strategies.adaptive.sight import believed_chances, seen
from app.domain.strategies.adaptive.tempers import TEMPERS, heard
from app.domain.strategies.adaptive.timetable import times
from tests.domain.adaptive.builders import MONDAY, a_case, refusal


def a_plan(
    case: Case, *, tries: int = 8, cost: float = 0.004, timing: float = 1.0
) -> Plan | None:
    sight, model = seen(case), Model.fresh()
    at = times(sight, earliest=sight.last + 0.85, hour=10.0, even=np.array([]))
    found = believed_chances(sight, at, timing=timing)
    slots = Slots(at, found, np.zeros(len(at), dtype=int))
    return best_plan(belief(model, sight), slots, model.effects, tries=tries, cost=cost)


def worth(plan: Plan | None) -> float:
    return plan.value if plan else 0.0


@given(
    failed=st.lists(st.integers(1, 8), max_size=4, unique=True),
    less=st.integers(9, 26),
    more=st.integers(1, 14),
    code=st.sampled_from(["insufficient_funds", "do_not_honor", "expired_card"]),
    timing=st.sampled_from([0.0, 0.25, 0.6, 1.0]),
)
def test_more_time_never_lowers_the_planned_value(
    failed: list[int], less: int, more: int, code: str, timing: float
) -> None:
    declines = (refusal(0, code), *(refusal(day, code) for day in sorted(failed)))
    short = a_case(declines=declines, deadline_at=MONDAY + timedelta(days=less))
    long = a_case(declines=declines, deadline_at=MONDAY + timedelta(days=less + more))
    # But for rounding: sums of different lengths end a few billionths apart.
    of_short = worth(a_plan(short, timing=timing))
    assert worth(a_plan(long, timing=timing)) >= of_short - 1e-9


def test_without_a_slot_there_is_no_plan() -> None:
    assert a_plan(a_case(deadline_at=MONDAY + timedelta(hours=20))) is None


def test_more_tries_never_lower_the_planned_value() -> None:
    values = [worth(a_plan(a_case(), tries=tries)) for tries in range(1, 9)]
    assert values == sorted(values)


def test_no_try_is_planned_that_costs_more_than_it_brings() -> None:
    assert a_plan(a_case(), cost=0.9) is None
    dear, cheap = a_plan(a_case(), cost=0.05), a_plan(a_case(), cost=0.003)
    assert dear is not None
    assert cheap is not None
    assert len(dear.at) < len(cheap.at)


def test_tries_are_in_order_and_a_days_rest_apart() -> None:
    plan = a_plan(a_case())
    assert plan is not None
    assert len(plan.at) >= 6
    assert np.diff(plan.at).min() > 0.6


def test_tempers_look_at_tries_as_they_say() -> None:
    looked_at = heard(np.array([0.0]), np.array([[1.0, 6.5, 9.0, 10.0, 11.0, 30.0]]))[0]
    by_words = {
        temper.words: row.tolist()
        for temper, row in zip(TEMPERS, looked_at, strict=True)
    }
    assert all(by_words["takes retries as they come"])
    assert by_words["wants two days between tries"] == [
        False,
        True,
        True,
        False,
        False,
        True,
    ]
    assert by_words["wants six days between tries"] == [
        False,
        False,
        False,
        False,
        False,
        True,
    ]
    assert by_words["loses patience after five tries"] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]
