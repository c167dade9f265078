"""A declined renewal, from its first refusal to its end."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.declines import MadeBy
from app.domain.lifecycle import Lifecycle
from app.domain.recovery import AttemptStatus, ClosedAs, PauseCause, RecoveryStatus
from app.sandbox.founding import MERCHANT_KEY
from app.services import cards
from app.services.connections import gateway_of
from app.storage.models import StripeAccount, Subscription
from app.storage.transaction import TransactionOpen, reading, transaction
from tests.merchants import Merchant


def test_a_declined_renewal_is_planned_and_recovered(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    recovery = merchant.recovery(invoice)
    assert recovery.status is RecoveryStatus.IN_RETRY
    [decline] = merchant.declines(invoice)
    assert (decline.decline_code, decline.made_by) == (
        "insufficient_funds",
        MadeBy.FIRST,
    )

    attempt = merchant.run_to_next_retry(invoice)

    assert attempt.status is AttemptStatus.SUCCEEDED
    recovery = merchant.recovery(invoice)
    assert recovery.status is RecoveryStatus.RECOVERED
    assert (recovery.recovered_amount, recovery.retries) == (1500, 1)
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


def test_the_subscription_is_kept_with_its_customer_and_plan(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds", name="Ann Other")
    merchant.look(invoice)
    with reading() as session:
        [subscription] = session.scalars(select(Subscription))
    assert (subscription.plan, subscription.customer_name) == (
        "Membership",
        "Ann Other",
    )
    assert subscription.next_retry_at == merchant.attempts(invoice)[-1].due_at


def test_a_subscription_given_up_at_once_is_told_as_terminated(
    merchant: Merchant,
) -> None:
    """It was never in retry, and went on being told as converted, or as nothing."""
    invoice = merchant.declined_renewal(default="revocation_of_authorization")
    assert merchant.recovery(invoice).status is RecoveryStatus.TERMINATED
    with reading() as session:
        [subscription] = session.scalars(select(Subscription))
    assert subscription.lifecycle is Lifecycle.TERMINATED


def test_every_refused_retry_is_kept_and_followed_by_a_plan(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    for _ in range(8):
        attempt = merchant.run_to_next_retry(invoice)
        assert attempt.status is AttemptStatus.DECLINED
    recovery = merchant.recovery(invoice)
    assert recovery.status is RecoveryStatus.TERMINATED
    assert "8 retries" in recovery.status_reason
    assert len(merchant.charges(invoice)) == 9
    assert [d.made_by for d in merchant.declines(invoice)] == [
        MadeBy.FIRST,
        *[MadeBy.METRICSCO] * 8,
    ]
    keys = [c["idempotency_key"] for c in merchant.charges(invoice)[1:]]
    assert len(set(keys)) == 8
    assert keys == [a.idempotency_key for a in merchant.attempts(invoice)]


def test_what_only_sharpens_the_plan_may_be_missing(merchant: Merchant) -> None:
    subscriber = merchant.subscriber(default="insufficient_funds")
    invoice = merchant.renew(subscriber)
    merchant.sandbox.key(MERCHANT_KEY, revoke=["product_read"])
    merchant.sandbox.fault(method="GET", path="/v1/charges", status=404, times=2)
    merchant.look(invoice)
    assert merchant.planned(invoice) is not None
    assert len(merchant.declines(invoice)) == 1


@pytest.mark.parametrize("code", ["stolen_card", "lost_card", "pickup_card"])
def test_a_hard_code_is_never_retried(merchant: Merchant, code: str) -> None:
    invoice = merchant.declined_renewal(default=code)
    assert merchant.planned(invoice) is None
    merchant.sandbox.advance(days=28)
    merchant.tick()
    assert len(merchant.charges(invoice)) == 1
    assert merchant.recovery(invoice).status is RecoveryStatus.TERMINATED


def test_no_retry_while_stripe_retries_itself_and_a_plan_when_it_is_done(
    merchant: Merchant,
) -> None:
    merchant.sandbox.retries(mode="custom", days=[3])
    invoice = merchant.declined_renewal(default="insufficient_funds")
    recovery = merchant.recovery(invoice)
    assert recovery.paused_because is PauseCause.STRIPE_RETRIES
    assert merchant.planned(invoice) is None

    merchant.sandbox.advance(days=4)
    merchant.look(invoice, newest_made_by=MadeBy.STRIPE)

    assert merchant.recovery(invoice).status is RecoveryStatus.IN_RETRY
    assert merchant.planned(invoice) is not None
    assert [d.made_by for d in merchant.declines(invoice)] == [
        MadeBy.FIRST,
        MadeBy.STRIPE,
    ]


def test_an_invoice_paid_by_the_customer_is_closed_and_not_recovered(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    _pay_by_hand(merchant, invoice)
    attempt = merchant.run_to_next_retry(invoice)
    assert attempt.status is AttemptStatus.CANCELED
    recovery = merchant.recovery(invoice)
    assert recovery.status is RecoveryStatus.CLOSED
    assert recovery.closed_as is ClosedAs.PAID_ELSEWHERE
    assert recovery.recovered_amount == 0
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


def test_a_canceled_subscription_is_never_charged_again(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    subscription = merchant.recovery(invoice).subscription_id
    assert subscription is not None
    merchant.api("delete", f"/v1/subscriptions/{_subscription(merchant, invoice)}")
    attempt = merchant.run_to_next_retry(invoice)
    assert attempt.status is AttemptStatus.CANCELED
    assert merchant.recovery(invoice).closed_as is ClosedAs.CANCELED
    assert len(merchant.charges(invoice)) == 1


def test_a_charge_by_somebody_else_meanwhile_is_noticed_before_ours(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    _pay_by_hand(merchant, invoice)
    attempt = merchant.run_to_next_retry(invoice)
    assert attempt.status is AttemptStatus.CANCELED
    assert len(merchant.charges(invoice)) == 2
    assert len(merchant.declines(invoice)) == 2
    planned = merchant.planned(invoice)
    assert planned is not None
    assert planned.due_at > merchant.now


def test_an_answer_lost_after_stripe_approved_is_found_and_not_charged_twice(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    merchant.sandbox.fault(method="POST", path="*/pay", do="drop", when="after")
    attempt = merchant.run_to_next_retry(invoice)
    assert attempt.status is AttemptStatus.UNKNOWN
    _some_minutes_later(merchant)
    assert merchant.attempt(attempt.id).status is AttemptStatus.SUCCEEDED
    assert merchant.recovery(invoice).status is RecoveryStatus.RECOVERED
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


def test_an_answer_lost_after_stripe_refused_counts_once(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    merchant.sandbox.fault(method="POST", path="*/pay", do="drop", when="after")
    attempt = merchant.run_to_next_retry(invoice)
    _some_minutes_later(merchant)
    assert merchant.attempt(attempt.id).status is AttemptStatus.DECLINED
    assert len(merchant.charges(invoice)) == 2
    assert len(merchant.declines(invoice)) == 2
    assert merchant.recovery(invoice).retries == 1


def test_a_call_lost_before_stripe_saw_it_is_made_again_under_the_same_key(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    merchant.sandbox.fault(method="POST", path="*/pay", do="drop", when="before")
    attempt = merchant.run_to_next_retry(invoice)
    _some_minutes_later(merchant)
    merchant.tick()
    again = merchant.attempt(attempt.id)
    assert again.status is AttemptStatus.SUCCEEDED
    assert again.asked == 2
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


def test_a_server_error_stored_under_the_key_ends_in_a_new_attempt(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    merchant.sandbox.fault(method="POST", path="*/pay", status=500, times=3)
    attempt = merchant.run_to_next_retry(invoice)
    for _ in range(3):
        _some_minutes_later(merchant)
        merchant.tick()
    assert merchant.attempt(attempt.id).status is AttemptStatus.CANCELED
    newer = merchant.run_to_next_retry(invoice)
    assert newer.idempotency_key != attempt.idempotency_key
    assert newer.status is AttemptStatus.SUCCEEDED
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


@pytest.mark.parametrize("status", [429, 503])
def test_trouble_before_the_charge_holds_the_account_and_counts_no_attempt(
    merchant: Merchant, status: int
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    path = "*/pay" if status == 429 else "/v1/invoices/*"
    merchant.sandbox.fault(method="*", path=path, status=status, times=3)
    attempt = merchant.run_to_next_retry(invoice)
    assert attempt.status is AttemptStatus.SCHEDULED
    assert attempt.due_at > merchant.now
    assert merchant.account().hold_until is not None
    assert len(merchant.charges(invoice)) == 1


def test_a_missing_permission_pauses_the_connection_and_names_it(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    merchant.sandbox.key(MERCHANT_KEY, revoke=["invoice_write"], grant=["invoice_read"])
    merchant.run_to_next_retry(invoice)
    account = merchant.account()
    assert account.status == "trouble"
    assert "rak_invoice_write" in (account.trouble or "")
    assert len(merchant.charges(invoice)) == 1


def test_the_switch_stops_what_is_due(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    with transaction() as session:
        session.get_one(StripeAccount, merchant.account_id).is_on = False
    attempt = merchant.run_to_next_retry(invoice)
    assert attempt.status is AttemptStatus.SCHEDULED
    assert len(merchant.charges(invoice)) == 1


def test_a_new_card_brings_the_next_try_forward(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal(default="stolen_card")
    assert merchant.recovery(invoice).status is RecoveryStatus.WAITING_FOR_CUSTOMER
    customer = merchant.recovery(invoice).stripe_customer_id
    _new_card(merchant, customer)

    cards.follow_change(merchant.account_id, customer, now=merchant.now)
    planned = merchant.planned(invoice)
    assert planned is not None
    assert planned.due_at <= merchant.now + timedelta(minutes=5)
    merchant.tick()
    assert merchant.recovery(invoice).status is RecoveryStatus.RECOVERED


def _some_minutes_later(merchant: Merchant) -> None:
    """Time for Stripe to end what nobody waits for any more, and to be asked."""
    merchant.sandbox.advance(seconds=240)
    merchant.tick()


def _pay_by_hand(merchant: Merchant, invoice: str) -> None:
    merchant.api("post", f"/v1/invoices/{invoice}/pay")


def _subscription(merchant: Merchant, invoice: str) -> str:
    found = merchant.api("get", f"/v1/invoices/{invoice}")
    return str(found["parent"]["subscription_details"]["subscription"])


def _new_card(merchant: Merchant, customer: str) -> None:
    card = merchant.api(
        "post", "/v1/payment_methods/pm_card_mastercard/attach", customer=customer
    )
    merchant.sandbox.script(card["id"], default="approve")
    merchant.api(
        "post",
        f"/v1/customers/{customer}",
        **{"invoice_settings[default_payment_method]": card["id"]},
    )


def test_stripe_is_never_called_inside_a_transaction(merchant: Merchant) -> None:
    gateway = gateway_of(merchant.account_id)
    with transaction(), pytest.raises(TransactionOpen):
        gateway_of(merchant.account_id)
    with transaction(), pytest.raises(TransactionOpen):
        gateway.account()
