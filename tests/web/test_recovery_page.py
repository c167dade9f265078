"""One recovery and one subscription: the whole story, and what people may do."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from app.domain.recovery import AttemptStatus, PauseCause, RecoveryStatus
from app.storage.models import Recovery
from app.storage.transaction import reading
from tests.builders import (
    a_account,
    a_decline,
    a_recovery,
    a_subscription,
    an_attempt,
    an_audit_entry,
)
from tests.conftest import MONDAY
from tests.web.pages import csrf_of, post

FRAGMENT = {"HX-Request": "true"}


def _status(recovery_id: int) -> RecoveryStatus:
    with reading() as session:
        return session.get_one(Recovery, recovery_id).status


def test_the_story_is_told_with_every_reason(viewer: FlaskClient) -> None:
    recovery = a_recovery(status_reason="The next retry is on payday.")
    a_decline(recovery_id=recovery.id, occurred_at=MONDAY)
    attempt = an_attempt(
        recovery_id=recovery.id,
        status=AttemptStatus.DECLINED,
        started_at=MONDAY + timedelta(days=3),
        finished_at=MONDAY + timedelta(days=3, seconds=2),
        reason="Three days later, in the morning.",
        outcome="The bank refused again.",
        probability=0.37,
        rules=["moved to ten o'clock"],
        alternatives=[
            {"at": "2026-11-09T09:00:00+00:00", "reason": "later", "probability": 0.2}
        ],
    )
    a_decline(
        recovery_id=recovery.id,
        attempt_id=attempt.id,
        decline_code="do_not_honor",
        occurred_at=MONDAY + timedelta(days=3),
    )
    page = viewer.get(f"/recoveries/{recovery.id}").text
    for told in (
        "The next retry is on payday.", "insufficient_funds", "do_not_honor",
        "Three days later, in the morning.", "The bank refused again.", "37 %",
        "moved to ten o", "later", "first charge", attempt.idempotency_key,
    ):  # fmt: skip
        assert told in page, told
    # The refusal of our own retry is part of the retry, not an entry of its own.
    assert page.count("do_not_honor") == 1


def test_the_old_card_is_pointed_out(viewer: FlaskClient) -> None:
    made = a_subscription(stripe_payment_method_id="pm_old")
    recovery = a_recovery(
        subscription_id=made.id,
        card_trap=True,
        card_set_on="subscription",
        stripe_payment_method_id="pm_old",
    )
    for address in (
        f"/recoveries/{recovery.id}",
        f"/subscriptions/{made.stripe_subscription_id}",
    ):
        page = viewer.get(address).text
        assert "The old card is charged" in page
        assert "pm_old" in page


@pytest.mark.parametrize(
    ("livemode", "address"),
    [
        (True, "https://dashboard.stripe.com/subscriptions/"),
        (False, "https://dashboard.stripe.com/test/subscriptions/"),
    ],
)
def test_the_link_to_stripe_knows_the_mode(
    viewer: FlaskClient, livemode: bool, address: str
) -> None:
    made = a_subscription(account_id=a_account(livemode=livemode).id)
    page = viewer.get(f"/subscriptions/{made.stripe_subscription_id}").text
    assert f"{address}{made.stripe_subscription_id}" in page


def test_staff_pause_resume_and_stop_without_script(staff: FlaskClient) -> None:
    recovery = a_recovery()
    page = f"/recoveries/{recovery.id}"
    answer = post(staff, f"{page}/pause", page=page)
    assert answer.status_code == 303
    assert answer.location == page
    assert _status(recovery.id) is RecoveryStatus.PAUSED
    assert "Paused" in staff.get(page).text
    post(staff, f"{page}/stop", page=page, reason="The customer moved away")
    assert _status(recovery.id) is RecoveryStatus.STOPPED
    told = staff.get(page).text
    assert "The customer moved away" in told
    assert "The staff" in told


def test_the_second_to_act_is_told_what_the_first_did(staff: FlaskClient) -> None:
    recovery = a_recovery()
    page = f"/recoveries/{recovery.id}"
    token = csrf_of(staff, page)
    staff.post(f"{page}/stop", data={"csrf_token": token, "reason": "a refund"})
    again = staff.post(f"{page}/pause", data={"csrf_token": token}, headers=FRAGMENT)
    assert again.status_code == 200
    assert "Nothing was changed" in again.text
    assert "Stopped by The staff: a refund" in again.text


def test_an_action_by_htmx_answers_with_the_recovery(staff: FlaskClient) -> None:
    recovery = a_recovery()
    page = f"/recoveries/{recovery.id}"
    token = csrf_of(staff, page)
    answer = staff.post(f"{page}/pause", data={"csrf_token": token}, headers=FRAGMENT)
    assert "<html" not in answer.text
    assert f'id="recovery-{recovery.id}"' in answer.text
    assert "Resume" in answer.text


def test_a_viewer_sees_no_button_and_may_not_press_it(viewer: FlaskClient) -> None:
    recovery = a_recovery()
    page = viewer.get(f"/recoveries/{recovery.id}").text
    assert "Retry now" not in page
    token = csrf_of(viewer, "/account/profile")
    for action in ("retries", "pause", "resume", "stop"):
        address = f"/recoveries/{recovery.id}/{action}"
        assert viewer.post(address, data={"csrf_token": token}).status_code == 403


def test_an_action_on_nothing_is_not_found(staff: FlaskClient) -> None:
    token = csrf_of(staff, "/account/profile")
    answer = staff.post("/recoveries/999/pause", data={"csrf_token": token})
    assert answer.status_code == 404


def test_an_open_recovery_asks_for_news_and_an_ended_one_does_not(
    viewer: FlaskClient,
) -> None:
    still = a_recovery()
    over = a_recovery(status=RecoveryStatus.RECOVERED, ended_at=MONDAY)
    page = viewer.get(f"/recoveries/{still.id}").text
    assert "every 4s" in page
    seen = page.split('{"seen": "')[1].split('"')[0]
    poll = viewer.get(f"/recoveries/{still.id}?seen={seen}", headers=FRAGMENT)
    assert poll.status_code == 204
    assert "every 4s" not in viewer.get(f"/recoveries/{over.id}").text


def test_what_people_did_stands_in_the_story(viewer: FlaskClient) -> None:
    recovery = a_recovery(
        status=RecoveryStatus.PAUSED, paused_because=PauseCause.PERSON
    )
    an_audit_entry(recovery_id=recovery.id, action="recovery.retry_now", detail="Soon.")
    page = viewer.get(f"/recoveries/{recovery.id}").text
    assert "Retry now" in page
    assert "Soon." in page
