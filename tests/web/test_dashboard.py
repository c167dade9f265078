"""The dashboard says what is true, what needs a person, and what to do first."""

from flask.testing import FlaskClient

from app.domain.account import ConnectionStatus
from app.domain.recovery import AttemptStatus, ClosedAs, RecoveryStatus
from tests.builders import a_account, a_recovery, an_attempt
from tests.conftest import MONDAY


def test_an_empty_panel_says_to_connect(owner: FlaskClient) -> None:
    page = owner.get("/").text
    assert "Connect your Stripe account" in page
    assert "/account/payment-processor" in page


def test_a_quiet_account_says_so(viewer: FlaskClient) -> None:
    a_account()
    assert "No renewal was declined" in viewer.get("/").text


def test_the_four_numbers_are_true(viewer: FlaskClient) -> None:
    a_recovery(amount=1000)
    a_recovery(amount=2000, status=RecoveryStatus.PAUSED)
    a_recovery(amount=500, status=RecoveryStatus.RECOVERED, recovered_amount=500)
    a_recovery(amount=700, status=RecoveryStatus.TERMINATED)
    a_recovery(
        amount=9900, status=RecoveryStatus.CLOSED, closed_as=ClosedAs.PAID_ELSEWHERE
    )
    page = viewer.get("/").text
    for number in ("30.00 EUR", "5.00 EUR", "7.00 EUR"):
        assert f'<p class="figure">{number}</p>' in page, number


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
