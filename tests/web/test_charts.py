"""Charts: bars as long as what they tell, inside their frame, beside their table."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from app.domain.figures import Answered, Approval, Cohort, approval_by
from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.web.charts import (
    LABEL,
    VALUE,
    WIDTH,
    approval_chart,
    cohort_chart,
    count_chart,
)
from tests.builders import a_decline, a_recovery, an_attempt
from tests.conftest import MONDAY


def test_the_pieces_of_a_month_fill_its_bar_exactly() -> None:
    (bar,) = cohort_chart("Months", [Cohort("2026-10", 1, 2, 3, 4)]).bars
    assert sum(piece.width for piece in bar.pieces) == pytest.approx(
        WIDTH - LABEL - VALUE, abs=0.2
    )
    assert [piece.look for piece in bar.pieces] == [
        "recovered", "elsewhere", "open", "lost",
    ]  # fmt: skip


def test_an_open_month_says_that_it_is_not_over() -> None:
    (bar,) = cohort_chart(
        "Months", [Cohort("2026-11", open=1, recovered=1, lost=0, elsewhere=0)]
    ).bars
    assert bar.value == "50% so far"


def test_the_largest_count_sets_the_scale() -> None:
    first, second = count_chart("", [("a", 200), ("b", 100)]).bars
    assert first.pieces[0].width == 2 * second.pieces[0].width


def test_nothing_approved_draws_no_bar_and_still_its_number() -> None:
    (bar,) = approval_chart("", [("Retry 1", Approval(0, 7))]).bars
    assert bar.pieces == ()
    assert bar.value == "0%"


def test_approval_is_counted_by_what_is_asked() -> None:
    answers = [
        Answered(number=1, weekday=1, hour=9, is_approved=True, count=3),
        Answered(number=1, weekday=2, hour=9, is_approved=False, count=1),
        Answered(number=2, weekday=1, hour=10, is_approved=False, count=5),
    ]
    assert approval_by(answers, lambda each: each.number) == {
        1: Approval(3, 4),
        2: Approval(0, 5),
    }


def test_every_chart_on_the_dashboard_has_its_table(viewer: FlaskClient) -> None:
    recovery = a_recovery(
        status=RecoveryStatus.RECOVERED,
        started_at=MONDAY - timedelta(days=40),
        recovered_amount=1900,
    )
    an_attempt(
        recovery_id=recovery.id, status=AttemptStatus.SUCCEEDED, started_at=MONDAY
    )
    a_decline(recovery_id=recovery.id)
    page = viewer.get("/").text
    assert page.count("<svg") == page.count("<summary>The numbers") == 5
    for told in (
        "2026-09",
        "insufficient_funds",
        "Retry 1",
        "Monday",
        "08:00 to 12:00",
    ):
        assert told in page, told
