"""Fees shown before and beside each retry, with a budget; chances held to account."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.domain.recovery import AttemptStatus
from app.domain.strategies.adaptive import Model
from app.services import learning
from app.services.planning import plan
from app.storage.models import AuditEntry, Recovery, RetryAttempt, StripeAccount
from app.storage.transaction import reading, transaction
from tests.builders import a_account, a_decline, a_recovery, an_attempt
from tests.conftest import MONDAY
from tests.web.pages import csrf_of, post

BUDGET = "/strategies/fee-budget"
CALIBRATION = "/strategies/calibration"


def _budget() -> int | None:
    with reading() as session:
        return session.scalars(select(StripeAccount.fee_budget)).one()


@pytest.mark.parametrize(
    ("dollars", "cents"),
    [("25", 2500), ("25.5", 2550), ("0,05", 5), ("0", 0), ("", None)],
)
def test_an_owner_sets_a_budget(
    owner: FlaskClient, dollars: str, cents: int | None
) -> None:
    a_account(fee_budget=100)
    answer = post(owner, BUDGET, page="/strategies", dollars=dollars)
    assert answer.status_code == 303
    assert _budget() == cents
    with reading() as session:
        assert session.scalars(select(AuditEntry.action)).all() == ["fee budget set"]


@pytest.mark.parametrize(
    "dollars", ["-1", "much", "1e9", "1.234", "9999999", "\N{FULLWIDTH DIGIT ONE}"]
)
def test_what_is_no_budget_is_refused(owner: FlaskClient, dollars: str) -> None:
    a_account(fee_budget=100)
    answer = post(owner, BUDGET, page="/strategies", dollars=dollars)
    assert answer.status_code == 422
    assert _budget() == 100


def test_staff_may_not_set_it(staff: FlaskClient) -> None:
    a_account()
    token = csrf_of(staff, "/account/profile")
    answer = staff.post(BUDGET, data={"csrf_token": token, "dollars": "1"})
    assert answer.status_code == 403


def test_a_months_fees_stand_beside_the_budget(viewer: FlaskClient) -> None:
    account = a_account(fee_budget=50)
    for started_at, fee in ((MONDAY, 50), (MONDAY.replace(month=10), 900)):
        an_attempt(
            account_id=account.id,
            status=AttemptStatus.DECLINED,
            started_at=started_at,
            finished_at=started_at,
            expected_fee=fee,
        )
    page = viewer.get("/strategies").text
    fees = page[page.index('id="fees"') :]
    assert "0.50 USD" in fees
    assert "used up" in fees
    assert "9.50" not in fees


def test_a_fee_is_shown_before_a_retry_by_hand_and_in_the_decision(
    app: Flask, staff: FlaskClient, viewer: FlaskClient
) -> None:
    account = a_account(fee_budget=2500)
    recovery = a_recovery(account_id=account.id)
    a_decline(recovery_id=recovery.id, account_id=account.id)
    with transaction() as session:
        plan(session, session.get_one(Recovery, recovery.id), now=MONDAY)
    with reading() as session:
        assert session.scalars(select(RetryAttempt.expected_fee)).one() == 0
    page = staff.get(f"/recoveries/{recovery.id}").text
    assert "A retry now: no network fee. This month: 0.00 USD of 25.00 USD." in page
    assert "none expected, of 25.00 USD a month" in page
    assert "A retry now" not in viewer.get(f"/recoveries/{recovery.id}").text
    with transaction() as session:
        session.get_one(StripeAccount, account.id).fee_budget = None
    page = staff.get(f"/recoveries/{recovery.id}").text
    assert "This month: 0.00 USD, no budget is set." in page
    assert "none expected; no budget is set" in page


def test_what_stripe_blocked_is_shown_apart_from_what_the_network_saw(
    viewer: FlaskClient,
) -> None:
    recovery = a_recovery()
    kept: dict[str, Any] = {
        "recovery_id": recovery.id,
        "account_id": recovery.account_id,
        "fingerprint": "print",
    }
    a_decline(**kept, outcome_type="blocked", network_status="not_sent_to_network")
    a_decline(**kept)
    page = viewer.get(f"/recoveries/{recovery.id}").text
    assert (
        "1 refused charge at the network, of at most 15, by whomever and for any "
        "invoice; beside these, 1 charge blocked by Stripe, which no network saw and "
        "none counts" in page
    )


def test_a_charge_above_a_cap_shows_what_it_would_cost(staff: FlaskClient) -> None:
    recovery = a_recovery()
    for _ in range(15):
        a_decline(
            recovery_id=recovery.id,
            account_id=recovery.account_id,
            fingerprint="print",
            country="US",
        )
    page = staff.get(f"/recoveries/{recovery.id}").text
    assert "A retry now: about 0.25 USD of network fees." in page


def test_chances_stand_beside_what_happened(viewer: FlaskClient) -> None:
    for n in range(20):
        an_attempt(
            status=AttemptStatus.SUCCEEDED if n < 5 else AttemptStatus.DECLINED,
            started_at=MONDAY,
            finished_at=MONDAY,
            probability=0.25,
        )
    an_attempt(status=AttemptStatus.CANCELED, finished_at=MONDAY, probability=0.9)
    an_attempt(probability=0.9)
    page = viewer.get(CALIBRATION).text
    assert "20 to 40 %" in page
    assert page.count('data-label="Fits">yes') == 1
    assert "25.0 %" in page
    assert "<svg" in page
    assert "style=" not in page


def test_a_group_that_does_not_fit_says_in_which_way(viewer: FlaskClient) -> None:
    for n in range(40):
        an_attempt(
            status=AttemptStatus.SUCCEEDED if n < 2 else AttemptStatus.DECLINED,
            started_at=MONDAY,
            finished_at=MONDAY,
            probability=0.3,
        )
    page = viewer.get(CALIBRATION).text
    assert 'data-label="Fits">no: believed too much' in page
    picture = page[page.index("<svg") : page.index("</svg>")]
    for label in (">0 %<", ">100 %<", ">believed<", ">approved<"):
        assert label in picture


def test_the_chances_of_one_account_can_be_looked_at(viewer: FlaskClient) -> None:
    first, second = a_account(), a_account(name="Coffee")
    for account, count in ((first, 3), (second, 5)):
        for _ in range(count):
            an_attempt(
                account_id=account.id,
                status=AttemptStatus.DECLINED,
                started_at=MONDAY,
                finished_at=MONDAY,
                probability=0.25,
            )
    everything, one = "The newest 8 retries", "The newest 5 retries"
    assert everything in viewer.get(CALIBRATION).text
    assert one in viewer.get(f"{CALIBRATION}?account={second.id}").text


def test_without_chances_there_is_a_way_to_some(viewer: FlaskClient) -> None:
    assert "No stated chances yet" in viewer.get(CALIBRATION).text


def test_adaptive_shows_what_it_has_learned(viewer: FlaskClient) -> None:
    account = a_account(strategy="adaptive")
    assert "What it has learned" not in viewer.get("/strategies/adaptive").text
    learning.keep(account.id, Model.fresh(), now=MONDAY)
    page = viewer.get("/strategies/adaptive").text
    assert "25 %" in page
    assert "leave the even spread only for much" in page


def test_a_model_that_knows_nothing_of_days_is_said_to_keep_to_the_even_spread(
    viewer: FlaskClient,
) -> None:
    account = a_account(strategy="adaptive")
    learning.keep(
        account.id, replace(Model.fresh(), skill=-1271.7, timing=0.0), now=MONDAY
    )
    page = viewer.get("/strategies/adaptive").text
    assert "none: worse than it" in page
    assert "keep to the even spread&#39;s days" in page
    assert "-127170" not in page
