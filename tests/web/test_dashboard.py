"""The dashboard says what is true, what needs a person, and what to do first."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.domain.account import ConnectionStatus
from app.domain.periods import Span
from app.domain.recovery import AttemptStatus, ClosedAs, RecoveryStatus
from tests.builders import a_account, a_decline, a_recovery, an_attempt
from tests.conftest import MONDAY
from tests.web.test_lists import counted_queries


def test_an_empty_panel_says_to_connect(owner: FlaskClient) -> None:
    page = owner.get("/").text
    assert "Connect your Stripe account" in page
    assert "/account/payment-processor" in page


def test_a_quiet_account_says_so(viewer: FlaskClient) -> None:
    a_account()
    assert "No renewal was declined" in viewer.get("/").text


def _some_endings() -> None:
    over = {"started_at": MONDAY - timedelta(days=40), "ended_at": MONDAY}
    a_recovery(amount=1000)
    a_recovery(amount=2000, status=RecoveryStatus.PAUSED)
    a_recovery(
        amount=500, status=RecoveryStatus.RECOVERED, recovered_amount=500, **over
    )
    a_recovery(amount=700, status=RecoveryStatus.TERMINATED, **over)
    a_recovery(
        amount=9900,
        status=RecoveryStatus.CLOSED,
        closed_as=ClosedAs.PAID_ELSEWHERE,
        **over,
    )
    a_recovery(
        amount=1100,
        status=RecoveryStatus.RECOVERED,
        recovered_amount=1100,
        started_at=MONDAY - timedelta(days=60),
        ended_at=MONDAY - timedelta(days=50),
    )


def test_the_numbers_are_true(viewer: FlaskClient) -> None:
    _some_endings()
    page = viewer.get("/").text
    for number in ("30.00 EUR", "5.00 EUR", "7.00 EUR", "0 to 100 %"):
        assert f'<p class="figure">{number}</p>' in page, number
    assert "1 other paid elsewhere" in page
    assert "0 of the 2 renewals first declined in these days, 2 still open" in page


@pytest.mark.parametrize(
    ("period", "recovered", "rate"),
    [
        ("7d", "5.00 EUR", "0 to 100 %"),
        ("90d", "16.00 EUR", "33 to 67 %"),
        ("all", "16.00 EUR", "33 to 67 %"),
        ("this-month", "5.00 EUR", "0 to 100 %"),
        ("last-month", "0.00 EUR", "\N{EN DASH}"),
    ],
)
def test_a_period_counts_what_ended_in_it(
    viewer: FlaskClient, period: str, recovered: str, rate: str
) -> None:
    _some_endings()
    page = viewer.get(f"/?period={period}").text
    assert f'<p class="figure">{recovered}</p>' in page
    assert f'<p class="figure">{rate}</p>' in page
    assert f'href="/?period={period}" aria-current="true"' in page


def test_an_unknown_period_is_said_and_left_out(viewer: FlaskClient) -> None:
    _some_endings()
    answer = viewer.get("/?period=forever")
    assert answer.status_code == 200
    assert "“forever” is no period we know" in answer.text
    assert 'href="/?period=30d" aria-current="true"' in answer.text


def test_closed_months_stand_apart_from_open_ones(viewer: FlaskClient) -> None:
    _some_endings()
    page = viewer.get("/").text
    _, _, both = page.partition("Months that are over, by first decline")
    over, _, still_open = both.partition("Months that are not over, by first decline")
    assert "2026-09" in over
    assert "2026-11" not in over
    assert "2026-11" in still_open
    assert "Together 50.0% were recovered." in over


def test_the_dashboard_asks_as_often_whatever_there_is_to_tell(
    app: Flask, viewer: FlaskClient
) -> None:
    def asked(address: str) -> int:
        with counted_queries() as found:
            assert viewer.get(address).status_code == 200
        return len(found)

    a_account()
    asked("/")  # the doctor's verdict is kept for a while
    before = {span: asked(f"/?period={span}") for span in Span}
    _some_endings()
    for _ in range(3):
        a_decline()
        an_attempt(status=AttemptStatus.SUCCEEDED, started_at=MONDAY, number=2)
    assert {span: asked(f"/?period={span}") for span in Span} == before


def test_trouble_and_a_switch_that_is_off_stand_on_top(viewer: FlaskClient) -> None:
    a_account(status=ConnectionStatus.TROUBLE, trouble="The key was revoked.")
    a_account(is_on=False)
    page = viewer.get("/").text
    assert "The key was revoked." in page
    assert "The switch is off" in page


def test_what_needs_a_person_and_what_just_came(viewer: FlaskClient) -> None:
    waiting = a_recovery(
        status=RecoveryStatus.WAITING_FOR_CUSTOMER,
        status_reason="A new card is needed.",
    )
    an_attempt(status=AttemptStatus.SUCCEEDED, started_at=MONDAY, finished_at=MONDAY)
    page = viewer.get("/").text
    assert f"/recoveries/{waiting.id}" in page
    assert "A new card is needed." in page
    assert "Succeeded" in page
