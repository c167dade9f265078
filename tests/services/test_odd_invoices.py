"""Invoices that do not behave: no card, settling, dead, changed behind our back."""

import json
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from app.domain.declines import DeclineKind, MadeBy
from app.domain.recovery import AttemptStatus, ClosedAs, PauseCause, RecoveryStatus
from app.domain.strategies.hands_off import HandsOff
from app.services import (
    accounts,
    cards,
    invoices,
    recoveries,
    retries,
    subscriptions,
    sweeping,
)
from app.services.connections import gateway_of
from app.storage.models import Recovery
from app.storage.transaction import transaction
from app.stripe_gateway.wire import OneAnswer
from tests.builders import a_account, a_decline, a_user
from tests.merchants import Merchant

SETTLES = {"processing": 3 * 86400, "then": "approve"}
BOUNCES = {"processing": 3 * 86400, "then": "insufficient_funds"}


def test_a_new_card_that_stripe_dates_before_its_change_is_tried_once(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="stolen_card")
    customer = merchant.recovery(invoice).stripe_customer_id
    merchant.sandbox.person("new_card", customer=customer, card="pm_card_mastercard")
    merchant.sandbox.script(customer, default="insufficient_funds")
    # Our clock is half a minute ahead of Stripe's.
    ahead = merchant.now + timedelta(seconds=30)
    cards.follow_change(merchant.account_id, customer, now=ahead)

    for _ in range(4):
        retries.run_due(now=ahead, threads=2)

    assert len(merchant.charges(invoice)) == 2
    planned = merchant.planned(invoice)
    assert planned is not None
    assert planned.due_at > merchant.now + timedelta(hours=19)


def test_the_old_cards_never_code_does_not_bind_the_new_one(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="stolen_card")
    merchant.sandbox.advance(days=1)
    customer = merchant.recovery(invoice).stripe_customer_id
    merchant.sandbox.person("new_card", customer=customer, card="pm_card_mastercard")
    merchant.sandbox.script(customer, "insufficient_funds", default="approve")
    cards.follow_change(merchant.account_id, customer, now=merchant.now)
    merchant.tick()
    assert merchant.recovery(invoice).status is RecoveryStatus.IN_RETRY
    assert merchant.run_to_next_retry(invoice).status is AttemptStatus.SUCCEEDED


def test_without_a_card_stripe_is_not_asked_again_and_again(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    _detach_card(merchant, invoice)
    merchant.run_to_next_retry(invoice)
    for _ in range(3):
        merchant.sandbox.advance(days=1)
        merchant.tick()
    assert merchant.recovery(invoice).status is RecoveryStatus.WAITING_FOR_CUSTOMER
    assert _pay_calls(merchant) == 1

    customer = merchant.recovery(invoice).stripe_customer_id
    merchant.sandbox.person("new_card", customer=customer)
    merchant.sandbox.script(customer, default="approve")
    cards.follow_change(merchant.account_id, customer, now=merchant.now)
    merchant.tick()
    assert merchant.recovery(invoice).status is RecoveryStatus.RECOVERED


def test_a_card_that_is_added_to_a_renewal_without_any_is_tried(
    merchant: Merchant,
) -> None:
    customer, invoice = _renewal_without_a_card(merchant)
    recovery = merchant.recovery(invoice)
    assert recovery.status is RecoveryStatus.WAITING_FOR_CUSTOMER
    assert "no card to charge" in recovery.status_reason

    merchant.sandbox.person("new_card", customer=customer)
    merchant.sandbox.script(customer, "insufficient_funds", default="approve")
    cards.follow_change(merchant.account_id, customer, now=merchant.now)
    merchant.tick()
    assert [c["ok"] for c in merchant.charges(invoice)] == [False]
    assert merchant.run_to_next_retry(invoice).status is AttemptStatus.SUCCEEDED


def test_a_card_that_is_added_is_tried_once_where_stripe_tells_no_reason(
    merchant: Merchant,
) -> None:
    customer, invoice = _renewal_without_a_card(merchant)
    merchant.sandbox.person("new_card", customer=customer)
    odd: dict[str, Any] = {"type": "invalid_request_error", "message": "Not today."}
    merchant.sandbox.fault(
        method="POST", path="*/pay", status=400, times=20, body={"error": odd}
    )
    for _ in range(3):
        cards.follow_change(merchant.account_id, customer, now=merchant.now)
        for _ in range(3):
            merchant.tick()
        merchant.sandbox.advance(days=1)

    recovery = merchant.recovery(invoice)
    assert recovery.status is RecoveryStatus.WAITING_FOR_CUSTOMER
    assert "shows no reason" in recovery.status_reason
    assert _pay_calls(merchant) == 1


def test_a_card_that_is_added_is_not_tried_where_the_strategy_only_watches(
    merchant: Merchant,
) -> None:
    customer, invoice = _renewal_without_a_card(merchant)
    with transaction() as session:
        session.merge(merchant.recovery(invoice)).strategy = HandsOff.name
    merchant.sandbox.person("new_card", customer=customer)
    cards.follow_change(merchant.account_id, customer, now=merchant.now)
    for _ in range(3):
        merchant.tick()

    assert merchant.charges(invoice) == []
    assert merchant.recovery(invoice).paused_because is PauseCause.OBSERVING


@pytest.mark.parametrize("looked", ["for the card", "for other news"])
@pytest.mark.parametrize(
    "codes",
    [
        {"decline_code": "lost_card"},
        {"decline_code": "do_not_honor", "network_advice_code": "03"},
    ],
    ids=["lost", "never again"],
)
def test_a_card_that_another_invoice_found_ruled_out_is_not_tried_when_added(
    merchant: Merchant, codes: dict[str, str], looked: str
) -> None:
    customer, invoice = _renewal_without_a_card(merchant)
    merchant.sandbox.person("new_card", customer=customer, card="pm_card_mastercard")
    _refused_for_another_invoice(merchant, customer, **codes)
    if looked == "for the card":
        cards.follow_change(merchant.account_id, customer, now=merchant.now)
    else:
        merchant.look(invoice)
    for _ in range(3):
        merchant.tick()

    assert merchant.charges(invoice) == []
    recovery = merchant.recovery(invoice)
    assert recovery.status is RecoveryStatus.WAITING_FOR_CUSTOMER
    assert "on another invoice" in recovery.status_reason


def test_a_new_card_that_another_invoice_found_ruled_out_is_not_tried(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("stolen_card", default="approve")
    customer = merchant.recovery(invoice).stripe_customer_id
    merchant.sandbox.person("new_card", customer=customer, card="pm_card_mastercard")
    _refused_for_another_invoice(merchant, customer, decline_code="lost_card")
    cards.follow_change(merchant.account_id, customer, now=merchant.now)
    for _ in range(3):
        merchant.tick()

    assert len(merchant.charges(invoice)) == 1
    recovery = merchant.recovery(invoice)
    assert recovery.status is RecoveryStatus.WAITING_FOR_CUSTOMER
    assert "on another invoice" in recovery.status_reason


def test_a_card_that_is_added_while_retries_are_off_is_tried_afterwards(
    merchant: Merchant,
) -> None:
    customer, invoice = _renewal_without_a_card(merchant)
    user = a_user(name="Mia")
    accounts.switch(merchant.account_id, is_on=False, user_id=user.id, now=merchant.now)
    merchant.sandbox.person("new_card", customer=customer)
    cards.follow_change(merchant.account_id, customer, now=merchant.now)
    merchant.sandbox.advance(hours=1)
    merchant.tick()
    assert merchant.charges(invoice) == []

    accounts.switch(merchant.account_id, is_on=True, user_id=user.id, now=merchant.now)
    merchant.tick()
    assert merchant.recovery(invoice).status is RecoveryStatus.RECOVERED


def test_a_payment_that_waits_for_the_customer_is_said_to_do_so(
    merchant: Merchant,
) -> None:
    customer, invoice = _renewal_without_a_card(merchant)
    merchant.sandbox.person(
        "new_card", customer=customer, card="pm_card_authenticationRequired"
    )
    # By staff, as if the customer were there: it stops for 3D Secure.
    merchant.api("post", f"/v1/invoices/{invoice}/pay", off_session="false")
    with transaction() as session:
        session.delete(session.get_one(Recovery, merchant.recovery(invoice).id))
    merchant.look(invoice)
    merchant.tick()

    recovery = merchant.recovery(invoice)
    assert recovery.status is RecoveryStatus.WAITING_FOR_CUSTOMER
    assert "3D Secure" in recovery.status_reason
    assert merchant.charges(invoice) == []


def test_the_customers_own_card_is_tried_when_the_subscriptions_is_taken_off(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="stolen_card")
    refused = merchant.recovery(invoice)
    found = merchant.api("get", f"/v1/invoices/{invoice}")
    subscription = found["parent"]["subscription_details"]["subscription"]
    path, customer = f"/v1/subscriptions/{subscription}", refused.stripe_customer_id
    merchant.sandbox.person("new_card", customer=customer, card="pm_card_mastercard")
    merchant.sandbox.script(customer, default="approve")
    old = refused.stripe_payment_method_id
    merchant.api("post", path, default_payment_method=old)
    merchant.look(invoice, with_card=True)
    assert merchant.recovery(invoice).card_trap

    merchant.api("post", path, default_payment_method="")
    subscriptions.look(merchant.account_id, subscription, now=merchant.now)
    merchant.tick()
    assert merchant.recovery(invoice).status is RecoveryStatus.RECOVERED


def test_a_payment_method_that_stripe_does_not_show_stops_no_planning(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    merchant.api("post", f"/v1/invoices/{invoice}/pay")  # by staff
    odd = {"type": "invalid_request_error", "message": "Not of this kind."}
    path = "/v1/payment_methods/*"
    merchant.sandbox.fault(
        method="GET", path=path, status=400, times=99, body={"error": odd}
    )
    merchant.run_to_next_retry(invoice)  # is planned anew instead
    merchant.tick()
    assert merchant.planned(invoice) is not None


def test_a_wish_to_retry_without_a_card_does_not_end_in_nothing(
    merchant: Merchant,
) -> None:
    _, invoice = _renewal_without_a_card(merchant)
    user = a_user(name="Mia")
    accounts.switch(merchant.account_id, is_on=False, user_id=user.id, now=merchant.now)
    recovery = merchant.recovery(invoice)
    recoveries.bring_forward(recovery.id, user_id=user.id, now=merchant.now)
    merchant.sandbox.advance(hours=1)
    accounts.switch(merchant.account_id, is_on=True, user_id=user.id, now=merchant.now)
    merchant.tick()

    assert merchant.planned(invoice) is None
    waiting = merchant.recovery(invoice).status
    assert waiting is RecoveryStatus.WAITING_FOR_CUSTOMER


def test_a_refusal_without_a_reason_is_asked_about_once_a_day(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    odd: dict[str, Any] = {"type": "invalid_request_error", "message": "Not today."}
    merchant.sandbox.fault(
        method="POST", path="*/pay", status=400, times=20, body={"error": odd}
    )
    merchant.run_to_next_retry(invoice)
    for _ in range(48):
        merchant.sandbox.advance(hours=1)
        merchant.tick()
    assert _pay_calls(merchant) <= 3
    assert len(merchant.charges(invoice)) == 1


def test_a_refusal_without_a_reason_is_asked_about_less_and_less_and_ends(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    odd: dict[str, Any] = {"type": "invalid_request_error", "message": "Not today."}
    merchant.sandbox.fault(
        method="POST", path="*/pay", status=400, times=50, body={"error": odd}
    )
    asked_at = []
    while planned := merchant.planned(invoice):
        asked_at.append(planned.due_at)
        merchant.run_to_next_retry(invoice)
        merchant.tick()
    first, *waits = [(b - a).days for a, b in pairwise(asked_at)]
    assert first >= 1
    assert waits == [2, 4]
    assert _pay_calls(merchant) == 4
    recovery = merchant.recovery(invoice)
    assert recovery.status is RecoveryStatus.TERMINATED
    assert "4 times in a row" in recovery.status_reason
    assert "Not today." in recovery.status_reason


def test_a_refusal_without_a_reason_that_is_mended_is_forgotten(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    odd: dict[str, Any] = {"type": "invalid_request_error", "message": "Not today."}
    for _ in range(2):
        merchant.sandbox.fault(
            method="POST", path="*/pay", status=400, times=3, body={"error": odd}
        )
        for _ in range(4):
            merchant.run_to_next_retry(invoice)
            merchant.tick()
    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.stripe_refusals) == ("in_retry", 0)
    assert len(merchant.charges(invoice)) == 3


@pytest.mark.parametrize("names_the_last", [True, False])
def test_a_refusal_without_a_charge_is_not_followed_by_another_the_same_day(
    merchant: Merchant, *, names_the_last: bool
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    [first] = merchant.declines(invoice)
    limit = {"type": "card_error", "code": "card_decline_rate_limit_exceeded"}
    intent = {"id": "pi_1", "latest_charge": first.stripe_charge_id}
    error = {**limit, "payment_intent": intent} if names_the_last else limit
    merchant.sandbox.fault(
        method="POST", path="*/pay", status=402, times=9, body={"error": error}
    )
    refused = merchant.run_to_next_retry(invoice)
    assert refused.decline_code == "card_decline_rate_limit_exceeded"
    merchant.tick()

    planned = merchant.planned(invoice)
    assert planned is not None
    assert planned.due_at >= merchant.now + timedelta(hours=23, minutes=50)


def test_nothing_is_charged_beside_a_payment_that_is_settling(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", SETTLES)
    merchant.api("post", f"/v1/invoices/{invoice}/pay")  # by staff
    merchant.look(invoice)
    recovery = merchant.recovery(invoice)
    assert recovery.paused_because is PauseCause.SETTLING
    assert merchant.planned(invoice) is None
    user = a_user(name="Mia")
    with pytest.raises(recoveries.ActionRefused):
        recoveries.bring_forward(recovery.id, user_id=user.id, now=merchant.now)

    merchant.sandbox.advance(days=4)
    merchant.tick()  # no event came

    assert merchant.recovery(invoice).closed_as is ClosedAs.PAID_ELSEWHERE
    assert len(merchant.charges(invoice)) == 2


def test_a_renewal_whose_first_payment_is_settling_was_not_declined(
    merchant: Merchant,
) -> None:
    invoice = merchant.renew(merchant.subscriber(BOUNCES, default="approve"))
    assert merchant.look(invoice) is None

    merchant.sandbox.advance(days=4)
    merchant.look(invoice)
    assert len(merchant.declines(invoice)) == 1
    assert merchant.run_to_next_retry(invoice).status is AttemptStatus.SUCCEEDED


def test_our_own_charge_that_settles_is_recovered(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", SETTLES)
    attempt = merchant.run_to_next_retry(invoice)
    assert attempt.status is AttemptStatus.PROCESSING
    merchant.look(invoice)
    sweeping.sweep(now=merchant.now + timedelta(days=40))
    assert merchant.recovery(invoice).status is RecoveryStatus.IN_RETRY

    merchant.sandbox.advance(days=4)
    merchant.tick()  # no event came

    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.recovered_amount) == ("recovered", 1500)
    assert merchant.attempt(attempt.id).status is AttemptStatus.SUCCEEDED


def test_money_that_settles_after_a_cancellation_leaves_no_trace_of_the_end(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", SETTLES)
    merchant.run_to_next_retry(invoice)
    found = merchant.api("get", f"/v1/invoices/{invoice}")
    subscription = found["parent"]["subscription_details"]["subscription"]
    merchant.api("delete", f"/v1/subscriptions/{subscription}")
    subscriptions.look(merchant.account_id, subscription, now=merchant.now)
    assert merchant.recovery(invoice).closed_as is ClosedAs.CANCELED

    merchant.sandbox.advance(days=4)
    merchant.tick()  # no event came

    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.closed_as) == ("recovered", None)
    assert recovery.recovered_amount == 1500


def test_an_end_that_was_written_down_stays_as_it_was(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    merchant.sandbox.person("pay_on_page", invoice=invoice, card="pm_card_mastercard")
    merchant.look(invoice)
    before = merchant.recovery(invoice)
    assert before.closed_as is ClosedAs.PAID_ELSEWHERE

    merchant.sandbox.advance(days=1)
    merchant.look(invoice, newest_made_by=MadeBy.METRICSCO)
    after = merchant.recovery(invoice)
    assert (after.ended_at, after.status_reason) == (
        before.ended_at,
        before.status_reason,
    )


def test_an_invoice_that_stripe_has_deleted_is_closed_and_said_so(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    gone = {"type": "invalid_request_error", "code": "resource_missing"}
    path = f"/v1/invoices/{invoice}"
    merchant.sandbox.fault(path=path, status=404, times=9, body={"error": gone})
    merchant.run_to_next_retry(invoice)

    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.closed_as) == ("closed", ClosedAs.VOIDED)
    assert "no longer shows this invoice" in recovery.status_reason
    assert merchant.planned(invoice) is None
    assert len(merchant.charges(invoice)) == 1


def test_what_another_account_does_not_see_is_not_gone(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    other = a_account(sealed_api_key=merchant.account().sealed_api_key)
    gone = {"type": "invalid_request_error", "code": "resource_missing"}
    path = f"/v1/invoices/{invoice}"
    merchant.sandbox.fault(path=path, status=404, body={"error": gone})
    assert invoices.look(other.id, invoice, now=merchant.now) is None
    assert merchant.recovery(invoice).status is RecoveryStatus.IN_RETRY
    assert merchant.run_to_next_retry(invoice).status is AttemptStatus.SUCCEEDED


def test_a_subscription_that_ends_sooner_ends_its_retries_then(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    found = merchant.api("get", f"/v1/invoices/{invoice}")
    subscription = found["parent"]["subscription_details"]["subscription"]
    ends_at = merchant.now + timedelta(days=3)
    path = f"/v1/subscriptions/{subscription}"
    merchant.api("post", path, cancel_at=int(ends_at.timestamp()))
    merchant.look(invoice)
    assert merchant.recovery(invoice).deadline_at == ends_at.replace(microsecond=0)


def test_a_first_invoice_is_left_alone_unless_the_owner_wants_it(
    merchant: Merchant,
) -> None:
    owner = merchant.subscriber(default="insufficient_funds")
    wish = {"customer": owner.customer, "items[0][price]": owner.price}
    merchant.api("post", "/v1/subscriptions", **wish)
    listed = merchant.api("get", f"/v1/invoices?customer={owner.customer}")["data"]
    [first] = [i["id"] for i in listed if i["status"] == "open"]
    assert merchant.look(first) is None

    with transaction() as session:
        session.merge(merchant.account()).with_first_invoices = True
    assert merchant.look(first) is not None


def test_what_a_person_paused_stays_paused_whatever_the_news(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    recovery, user = merchant.recovery(invoice), a_user(name="Mia")
    recoveries.pause(recovery.id, user_id=user.id, now=merchant.now)
    merchant.sandbox.advance(days=1)
    merchant.api("post", f"/v1/invoices/{invoice}/pay")  # by staff, and refused
    merchant.look(invoice)
    customer = recovery.stripe_customer_id
    merchant.sandbox.person("new_card", customer=customer, card="pm_card_mastercard")
    cards.follow_change(merchant.account_id, customer, now=merchant.now)
    for _ in range(3):
        merchant.sandbox.advance(days=1)
        merchant.tick()

    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.paused_because) == ("paused", PauseCause.PERSON)
    assert recovery.status_reason == "Paused by Mia."
    assert merchant.planned(invoice) is None
    assert len(merchant.charges(invoice)) == 2


def test_a_look_at_what_was_given_up_leaves_it_so(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    merchant.sandbox.advance(days=27)
    sweeping.sweep(now=merchant.now + timedelta(days=2))
    before = merchant.recovery(invoice)
    assert before.status is RecoveryStatus.TERMINATED

    merchant.look(invoice, with_card=True)
    after = merchant.recovery(invoice)
    assert (after.status, after.ended_at, after.status_reason) == (
        before.status,
        before.ended_at,
        before.status_reason,
    )
    assert merchant.planned(invoice) is None


def test_what_was_written_off_and_is_paid_after_all_is_paid(
    merchant: Merchant,
) -> None:
    """Experiments and losses go by what is paid by any route, whenever it is."""
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    merchant.api("post", f"/v1/invoices/{invoice}/mark_uncollectible")
    merchant.look(invoice)
    assert merchant.recovery(invoice).closed_as is ClosedAs.UNCOLLECTIBLE

    merchant.sandbox.advance(days=3)
    merchant.api("post", f"/v1/invoices/{invoice}/pay", paid_out_of_band="true")
    merchant.look(invoice)

    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.closed_as) == ("closed", "paid_elsewhere")
    assert recovery.recovered_amount == 0
    assert recovery.ended_at == merchant.now
    assert "marked the invoice as paid" in recovery.status_reason


def test_an_invoice_that_is_sent_from_now_on_is_not_said_to_be_paid(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    _look_at_it_sent(merchant, invoice)
    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.closed_as) == ("closed", "sent")
    assert "sent, not charged" in recovery.status_reason
    assert merchant.planned(invoice) is None

    merchant.sandbox.advance(days=3)
    merchant.sandbox.person("pay_on_page", invoice=invoice, card="pm_card_mastercard")
    merchant.look(invoice)
    recovery = merchant.recovery(invoice)
    assert (recovery.closed_as, recovery.recovered_amount) == ("paid_elsewhere", 0)
    assert recovery.status_reason == "Paid by hand, after it was sent to the customer."
    assert recovery.ended_at == merchant.now


def test_a_sent_invoice_that_is_voided_is_said_to_be_void(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds")
    _look_at_it_sent(merchant, invoice)
    merchant.api("post", f"/v1/invoices/{invoice}/void")
    merchant.look(invoice)
    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.closed_as) == ("closed", "voided")
    assert recovery.status_reason == "The invoice was voided."


def test_our_own_charge_that_bounces_is_ours_and_counted_once(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", BOUNCES)
    attempt = merchant.run_to_next_retry(invoice)
    merchant.sandbox.advance(days=4)
    merchant.look(invoice)

    assert merchant.attempt(attempt.id).status is AttemptStatus.DECLINED
    recovery = merchant.recovery(invoice)
    assert (recovery.charges, recovery.retries) == (2, 1)
    assert [d.made_by for d in merchant.declines(invoice)] == [
        MadeBy.FIRST,
        MadeBy.METRICSCO,
    ]
    assert merchant.planned(invoice) is not None


def test_our_own_charge_that_bounced_before_the_customer_paid_is_no_success(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(
        "insufficient_funds", BOUNCES, default="approve"
    )
    attempt = merchant.run_to_next_retry(invoice)
    merchant.sandbox.advance(days=4)
    # We hear of neither before both have happened.
    merchant.sandbox.person("pay_on_page", invoice=invoice, card="pm_card_mastercard")
    merchant.look(invoice)

    recovery = merchant.recovery(invoice)
    assert (recovery.closed_as, recovery.recovered_amount) == ("paid_elsewhere", 0)
    assert merchant.attempt(attempt.id).status is AttemptStatus.DECLINED
    assert merchant.planned(invoice) is None


def test_an_invoice_marked_as_paid_while_ours_settles_is_no_success(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", SETTLES)
    attempt = merchant.run_to_next_retry(invoice)
    merchant.api("post", f"/v1/invoices/{invoice}/pay", paid_out_of_band="true")
    merchant.look(invoice)

    recovery = merchant.recovery(invoice)
    assert (recovery.closed_as, recovery.recovered_amount) == ("paid_elsewhere", 0)
    assert merchant.attempt(attempt.id).status is AttemptStatus.CANCELED


def test_an_acceptance_of_which_stripe_shows_nothing_holds_nobody_for_ever(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    still_open = merchant.api("get", f"/v1/invoices/{invoice}")
    merchant.sandbox.fault(method="POST", path="*/pay", status=200, body=still_open)
    attempt = merchant.run_to_next_retry(invoice)
    merchant.look(invoice)
    assert merchant.attempt(attempt.id).status is AttemptStatus.PROCESSING

    merchant.sandbox.advance(days=2)
    merchant.tick()

    assert merchant.attempt(attempt.id).status is AttemptStatus.CANCELED
    assert merchant.run_to_next_retry(invoice).status is AttemptStatus.SUCCEEDED
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


def test_a_bounce_on_a_canceled_subscription_plans_nothing(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", BOUNCES)
    merchant.run_to_next_retry(invoice)
    found = merchant.api("get", f"/v1/invoices/{invoice}")
    subscription = found["parent"]["subscription_details"]["subscription"]
    merchant.api("delete", f"/v1/subscriptions/{subscription}")
    merchant.sandbox.advance(days=4)
    merchant.look(invoice)

    assert merchant.recovery(invoice).closed_as is ClosedAs.CANCELED
    assert merchant.planned(invoice) is None


def test_a_payment_that_died_ends_the_recovery(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    for _ in range(11):
        merchant.api_or_refusal("post", f"/v1/invoices/{invoice}/pay")
    charges = len(merchant.charges(invoice))

    merchant.look(invoice)

    recovery = merchant.recovery(invoice)
    assert recovery.status is RecoveryStatus.TERMINATED
    assert "canceled the payment" in recovery.status_reason
    assert merchant.planned(invoice) is None
    assert len(merchant.charges(invoice)) == charges


def test_stripes_own_retry_whose_event_was_lost_is_noticed(
    merchant: Merchant,
) -> None:
    merchant.sandbox.retries(mode="custom", days=[3])
    invoice = merchant.declined_renewal(default="insufficient_funds")
    assert merchant.recovery(invoice).paused_because is PauseCause.STRIPE_RETRIES

    merchant.sandbox.advance(days=4)
    merchant.tick()

    assert merchant.recovery(invoice).status is RecoveryStatus.IN_RETRY
    assert merchant.planned(invoice) is not None
    assert len(merchant.declines(invoice)) == 2


def test_a_pause_at_stripe_whose_end_was_not_told_is_noticed(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    found = merchant.api("get", f"/v1/invoices/{invoice}")
    subscription = found["parent"]["subscription_details"]["subscription"]
    path = f"/v1/subscriptions/{subscription}"
    merchant.api("post", path, **{"pause_collection[behavior]": "keep_as_draft"})
    merchant.look(invoice)
    assert merchant.recovery(invoice).paused_because is PauseCause.PAUSED_AT_STRIPE
    merchant.api("post", path, pause_collection="")

    merchant.sandbox.advance(days=2)
    merchant.tick()

    assert merchant.recovery(invoice).status is RecoveryStatus.IN_RETRY
    assert merchant.planned(invoice) is not None


def test_an_invoice_stripe_cannot_show_holds_up_no_other(merchant: Merchant) -> None:
    other = merchant.subscriber("insufficient_funds", default="approve")
    good = merchant.declined_renewal("insufficient_funds", default="approve")
    [bad] = [
        c["invoice"]
        for c in merchant.sandbox.ledger()
        if c["customer"] == other.customer
    ][1:]
    merchant.look(bad)
    for invoice in (bad, good):
        _due_now(merchant, invoice)
    path = f"/v1/invoices/{bad}"
    merchant.sandbox.fault(method="GET", path=path, status=500, times=1000)

    merchant.tick()
    merchant.sandbox.advance(seconds=120)
    merchant.tick()

    assert merchant.recovery(good).status is RecoveryStatus.RECOVERED
    assert merchant.recovery(bad).status is RecoveryStatus.IN_RETRY


def test_a_charge_without_a_payment_intent_is_a_decline_like_any_other(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox makes payment intents only: on the way here they become charges."""
    ask = OneAnswer.request

    def charged(http: OneAnswer, method: str, url: str, **given: Any) -> Any:
        answer = ask(http, method, url, **given)
        if method.upper() == "GET" and "/v1/invoices/" in url:
            told = answer.json()
            for payment in told["payments"]["data"]:
                charge = payment["payment"]["payment_intent"]["latest_charge"]
                payment["payment"] = {"type": "charge", "charge": charge}
            answer._content = json.dumps(told).encode()
        return answer

    monkeypatch.setattr(OneAnswer, "request", charged)
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")

    [decline] = merchant.declines(invoice)
    assert decline.decline_code == "insufficient_funds"
    merchant.sandbox.fault(method="POST", path="*/pay", do="drop", when="after")
    merchant.run_to_next_retry(invoice)
    merchant.sandbox.advance(hours=1)
    merchant.tick()
    assert merchant.recovery(invoice).status is RecoveryStatus.RECOVERED
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


def test_a_bank_account_is_not_debited_eight_times(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox knows cards only: on the way here they become bank accounts."""
    ask = OneAnswer.request

    def debited(http: OneAnswer, method: str, url: str, **given: Any) -> Any:
        answer = ask(http, method, url, **given)
        if "/v1/charges" in url:
            told = answer.content.replace(b'"type": "card"', b'"type": "ach_debit"')
            answer._content = told
        return answer

    monkeypatch.setattr(OneAnswer, "request", debited)
    invoice = merchant.declined_renewal(default="insufficient_funds")
    merchant.run_to_next_retry(invoice)
    merchant.run_to_next_retry(invoice)

    recovery = merchant.recovery(invoice)
    assert recovery.status is RecoveryStatus.TERMINATED
    assert "debited 3 times" in recovery.status_reason
    assert len(merchant.charges(invoice)) == 3


def test_a_currency_without_cents_is_counted_as_it_is(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal(
        "insufficient_funds", default="approve", amount=980, currency="jpy"
    )
    attempt = merchant.run_to_next_retry(invoice)
    recovery = merchant.recovery(invoice)
    assert (recovery.recovered_amount, recovery.currency) == (980, "jpy")
    assert attempt.amount == 980


def test_two_charges_within_one_second_do_not_confuse(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    for _ in range(3):
        merchant.api("post", f"/v1/invoices/{invoice}/pay")
    merchant.look(invoice)
    customer = merchant.recovery(invoice).stripe_customer_id
    merchant.sandbox.script(customer, default="approve")

    assert merchant.run_to_next_retry(invoice).status is AttemptStatus.SUCCEEDED


def _due_now(merchant: Merchant, invoice: str) -> None:
    planned = merchant.planned(invoice)
    assert planned is not None
    with transaction() as session:
        session.merge(planned).due_at = merchant.now


def _look_at_it_sent(merchant: Merchant, invoice: str) -> None:
    """By its API Stripe switches drafts only: here it shows an open one as sent."""
    shown = merchant.api("get", f"/v1/invoices/{invoice}")
    merchant.sandbox.fault(
        method="GET",
        path=f"/v1/invoices/{invoice}",
        status=200,
        body={**shown, "collection_method": "send_invoice"},
    )
    merchant.look(invoice)


def _detach_card(merchant: Merchant, invoice: str) -> None:
    recovery = merchant.recovery(invoice)
    seen = gateway_of(merchant.account_id).invoice(invoice)
    assert seen is not None
    assert seen.card_choice is not None
    merchant.api("post", f"/v1/payment_methods/{seen.card_choice.id}/detach")
    assert recovery.status is RecoveryStatus.IN_RETRY


def _renewal_without_a_card(merchant: Merchant) -> tuple[str, str]:
    """The customer, and the invoice that Stripe could not even try."""
    subscriber = merchant.subscriber(default="approve")
    merchant.api("post", f"/v1/payment_methods/{subscriber.payment_method}/detach")
    merchant.sandbox.advance(days=31, hours=2)
    listed = merchant.api("get", f"/v1/invoices?customer={subscriber.customer}")
    invoice = str(listed["data"][0]["id"])
    merchant.look(invoice)
    return subscriber.customer, invoice


def _refused_for_another_invoice(
    merchant: Merchant, customer: str, **codes: str
) -> None:
    """The customer's newest card was refused so for somebody's other invoice."""
    listed = merchant.api("get", f"/v1/customers/{customer}/payment_methods")
    card = listed["data"][0]["card"]
    a_decline(
        account_id=merchant.account_id,
        recovery_id=None,
        occurred_at=merchant.now - timedelta(hours=1),
        kind=DeclineKind.HARD,
        brand="mastercard",
        network="mastercard",
        fingerprint=card["fingerprint"],
        **{"decline_code": None, "network_decline_code": None, **codes},
    )


def _pay_calls(merchant: Merchant) -> int:
    calls = merchant.sandbox.calls()["counts"]
    return sum(c["count"] for c in calls if c["path"].endswith("/pay"))
