"""One recovery and one subscription: the whole story, and what people may do."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from app.domain.people import Role
from app.domain.recovery import AttemptStatus, PauseCause, RecoveryStatus
from app.storage.models import Recovery, User
from app.storage.transaction import reading
from tests.builders import (
    a_account,
    a_decline,
    a_recovery,
    a_subscription,
    an_attempt,
    an_audit_entry,
)
from tests.conftest import MONDAY, SetClock, a_user
from tests.web.pages import csrf_of, post

FRAGMENT = {"HX-Request": "true"}
SignIn = Callable[[User], FlaskClient]


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


def test_a_decision_says_too_what_there_was_not(viewer: FlaskClient) -> None:
    recovery = a_recovery()
    an_attempt(recovery_id=recovery.id)
    page = viewer.get(f"/recoveries/{recovery.id}").text
    for told in (
        "no rule: the time is as it was wished",
        "no other time",
        "none stated: this strategy plans by rules",
        "<dt>What happened</dt><dd>not yet made</dd>",
    ):
        assert told in page, told


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


def _form_of(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that posts to `action`."""
    form = page.split(f'method="post" action="{action}"')[1].split("</form>")[0]
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    return dict(fields)


def test_two_at_once_the_second_reads_who_did_what_and_when(
    sign_in: SignIn, clock: SetClock
) -> None:
    ada = sign_in(a_user(Role.STAFF, email="ada@example.com", name="Ada <b>"))
    bo = sign_in(a_user(Role.STAFF, email="bo@example.com", name="Bo"))
    recovery = a_recovery()
    address = f"/recoveries/{recovery.id}"
    shown = bo.get(address).text
    post(ada, f"{address}/pause", page=address)
    clock.advance(minutes=3)
    form = _form_of(shown, f"{address}/stop")
    by_htmx = bo.post(f"{address}/stop", data=form, headers=FRAGMENT).text
    bo.post(f"{address}/stop", data=form)
    by_form = bo.get(address).text
    for told in (by_htmx, by_form):
        assert "Nothing was changed. Somebody was quicker." in told
        assert "Ada &lt;b&gt;" in told
        assert "Mon 2 Nov 2026, 09:00:00 UTC" in told
        assert "Pause" in told
    assert "3 minutes ago" in by_htmx
    assert _status(recovery.id) is RecoveryStatus.PAUSED
    # Having read it, Bo decides again, on what stands there now.
    form = _form_of(by_form, f"{address}/stop")
    bo.post(f"{address}/stop", data=form)
    assert _status(recovery.id) is RecoveryStatus.STOPPED


def test_what_forbids_a_retry_now_is_said_before_the_click(
    staff: FlaskClient, clock: SetClock
) -> None:
    recovery = a_recovery()
    a_decline(recovery_id=recovery.id, occurred_at=MONDAY)
    clock.advance(hours=2)
    page = staff.get(f"/recoveries/{recovery.id}").text
    assert "No retry now." in page
    assert "Tue 3 Nov 2026, 05:00:00 UTC" in page
    assert "at least 20 hours between two tries" in page
    assert re.search(r'<button id="retries-\d+"[^>]* disabled', page)


def test_what_a_retry_now_costs_is_said_before_the_click(
    staff: FlaskClient,
) -> None:
    account = a_account(fee_budget=29)
    recovery = a_recovery(account_id=account.id)
    a_decline(
        recovery_id=recovery.id,
        occurred_at=MONDAY - timedelta(days=3),
        network="mastercard",
        brand="mastercard",
        decline_code="insufficient_funds",
        network_decline_code="51",
        network_advice_code="24",
    )
    earlier = a_recovery(account_id=account.id)
    an_attempt(
        recovery_id=earlier.id,
        account_id=account.id,
        status=AttemptStatus.DECLINED,
        started_at=MONDAY,
        expected_fee=28,
    )
    page = staff.get(f"/recoveries/{recovery.id}").text
    assert "A retry now: about 0.02 USD of network fees." in page
    assert "This month: 0.28 USD of 0.29 USD" in page
    assert "No rule of the networks forbids it." in page
    assert "which this retry would exceed" in page
    assert not re.search(r'<button id="retries-\d+"[^>]* disabled', page)


def test_a_change_of_strategy_is_shown_before_it_is_confirmed(
    staff: FlaskClient,
) -> None:
    recovery = a_recovery()
    a_decline(recovery_id=recovery.id)
    address = f"/recoveries/{recovery.id}/strategy"
    assert address in staff.get(f"/recoveries/{recovery.id}").text
    chosen = staff.get(f"{address}?strategy=fixed-ladder").text
    assert "<html" in chosen
    assert "By Fixed ladder" in chosen
    assert "<strong>Retry <time" in chosen
    part = staff.get(f"{address}?strategy=fixed-ladder", headers=FRAGMENT).text
    assert "<html" not in part
    answer = staff.post(address, data=_form_of(chosen, address))
    assert (answer.status_code, answer.location) == (303, f"/recoveries/{recovery.id}")
    page = staff.get(f"/recoveries/{recovery.id}").text
    assert "The strategy is changed." in page
    assert "fixed-ladder instead of even-spread" in page
    again = staff.post(address, data=_form_of(chosen, address))
    assert again.status_code == 303
    assert "Somebody was quicker" in staff.get(f"/recoveries/{recovery.id}").text


def test_odd_choices_of_a_strategy_are_answered_with_a_page(
    staff: FlaskClient, viewer: FlaskClient
) -> None:
    recovery = a_recovery()
    address = f"/recoveries/{recovery.id}/strategy"
    for odd in ("", "nobody", "<script>", "x" * 5000):
        answer = staff.get(address, query_string={"strategy": odd})
        assert answer.status_code == 200
        assert "Change to" not in answer.text
        post(staff, address, page=f"/recoveries/{recovery.id}", strategy=odd)
        told = staff.get(f"/recoveries/{recovery.id}").text
        assert "Choose a strategy from the list." in told
    assert staff.get("/recoveries/999/strategy").status_code == 404
    over = a_recovery(status=RecoveryStatus.STOPPED, ended_at=MONDAY)
    assert staff.get(f"/recoveries/{over.id}/strategy").status_code == 422
    assert viewer.get(address).status_code == 403


def test_a_customer_who_has_to_act_is_asked_by_people_not_by_us(
    viewer: FlaskClient,
) -> None:
    made = a_subscription()
    a_recovery(
        subscription_id=made.id,
        status=RecoveryStatus.WAITING_FOR_CUSTOMER,
        status_reason="The card is lost.",
        hosted_invoice_url="https://invoice.stripe.com/i/acct_1/test_2",
    )
    page = viewer.get(f"/subscriptions/{made.stripe_subscription_id}").text
    assert "The customer has to act." in page
    assert 'value="https://invoice.stripe.com/i/acct_1/test_2" readonly' in page
    assert "Metricsco sends no mail to customers" in page


def test_a_subscription_under_way_asks_for_news_and_a_quiet_one_does_not(
    viewer: FlaskClient,
) -> None:
    made, quiet = a_subscription(), a_subscription()
    a_recovery(subscription_id=made.id)
    address = f"/subscriptions/{made.stripe_subscription_id}"
    page = viewer.get(address).text
    seen = page.split('{"seen": "')[1].split('"')[0]
    assert viewer.get(f"{address}?seen={seen}", headers=FRAGMENT).status_code == 204
    fresh = viewer.get(f"{address}?seen=old", headers=FRAGMENT)
    assert fresh.text.lstrip().startswith("<div id=")
    still = viewer.get(f"/subscriptions/{quiet.stripe_subscription_id}").text
    assert "every 4s" not in still


def _refused_twice(recovery: Recovery, *, second_code: str) -> None:
    """The renewal's first charge, and retry 1 of `recovery`."""
    a_decline(recovery_id=recovery.id, occurred_at=MONDAY)
    retry = an_attempt(
        recovery_id=recovery.id,
        status=AttemptStatus.DECLINED,
        finished_at=MONDAY + timedelta(days=3),
        outcome="Declined.",
    )
    a_decline(
        recovery_id=recovery.id,
        attempt_id=retry.id,
        decline_code=second_code,
        occurred_at=MONDAY + timedelta(days=3),
    )


@pytest.mark.parametrize(
    ("second_code", "times"), [("insufficient_funds", 1), ("do_not_honor", 2)]
)
def test_what_is_refused_as_before_is_explained_once(
    viewer: FlaskClient, second_code: str, times: int
) -> None:
    recovery = a_recovery()
    _refused_twice(recovery, second_code=second_code)
    page = viewer.get(f"/recoveries/{recovery.id}").text
    assert page.count("To the customer") == times
    assert ("As the time before." in page) is (times == 1)


def test_beside_another_recovery_what_is_over_takes_a_line(viewer: FlaskClient) -> None:
    subscription = a_subscription()
    over = a_recovery(
        subscription_id=subscription.id,
        status=RecoveryStatus.RECOVERED,
        ended_at=MONDAY + timedelta(days=9),
    )
    _refused_twice(over, second_code="do_not_honor")
    going_on = a_recovery(subscription_id=subscription.id)
    _refused_twice(going_on, second_code="do_not_honor")
    page = viewer.get(f"/subscriptions/{subscription.stripe_subscription_id}").text
    assert page.count("Why then, and what the answer means") == 1
    folded = re.findall(r'<details id="attempt-\d+">.*?</details>', page, re.S)
    assert len(folded) == 1
