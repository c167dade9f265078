"""What customers, merchants, banks and the card updater do by themselves."""

from typing import Any

import pytest
import requests
import stripe

from app.sandbox import Sandbox, Subscriber


def failed(sandbox: Sandbox, *answers: Any, **wish: Any) -> Subscriber:
    """Return a subscriber whose renewal has just been declined."""
    ann = sandbox.subscriber(**wish)
    assert ann.payment_method
    sandbox.script(ann.payment_method, *(answers or ("insufficient_funds",)))
    sandbox.advance(days=30, hours=1)
    return ann


def renewal_of(merchant: stripe.StripeClient, ann: Subscriber) -> stripe.Invoice:
    return merchant.v1.invoices.list({"subscription": ann.subscription}).data[0]


def last_types(merchant: stripe.StripeClient, number: int) -> set[str]:
    return {e.type for e in merchant.v1.events.list({"limit": number}).data}


def test_a_new_default_card_does_not_help_a_subscription_with_its_own(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = failed(sandbox, "lost_card", "lost_card", card_on="both")
    sandbox.person("new_card", customer=ann.customer, everywhere=False)
    assert last_types(merchant, 2) == {"payment_method.attached", "customer.updated"}
    with pytest.raises(stripe.CardError) as caught:
        merchant.v1.invoices.pay(renewal_of(merchant, ann).id)
    assert caught.value.error
    assert caught.value.error.decline_code == "lost_card"


def test_the_new_card_can_be_named_in_the_call(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = failed(sandbox, "lost_card", card_on="both")
    made = sandbox.person("new_card", customer=ann.customer, everywhere=False)
    invoice = renewal_of(merchant, ann)
    paid = merchant.v1.invoices.pay(
        invoice.id, {"payment_method": made["payment_method"]}
    )
    assert paid.status == "paid"


def test_a_card_of_somebody_else_is_refused(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann, bob = failed(sandbox), sandbox.subscriber(name="Bob")
    assert bob.payment_method
    with pytest.raises(stripe.InvalidRequestError, match="does not belong"):
        merchant.v1.invoices.pay(
            renewal_of(merchant, ann).id, {"payment_method": bob.payment_method}
        )


def test_the_card_updater_changes_the_number_and_says_so(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = sandbox.subscriber()
    assert ann.payment_method
    sandbox.troubles(ann.payment_method, {"kind": "expired"})
    sandbox.advance(days=30, hours=1)
    before = merchant.v1.payment_methods.retrieve(ann.payment_method)
    sandbox.person("update_card", payment_method=ann.payment_method)
    after = merchant.v1.payment_methods.retrieve(ann.payment_method)
    assert before.card
    assert after.card
    assert before.card.fingerprint != after.card.fingerprint
    assert last_types(merchant, 1) == {"payment_method.automatically_updated"}
    assert merchant.v1.invoices.pay(renewal_of(merchant, ann).id).status == "paid"


def test_a_customer_pays_on_the_hosted_page_and_authenticates_there(
    sandbox: Sandbox, merchant: stripe.StripeClient, session: requests.Session
) -> None:
    ann = sandbox.subscriber(card="pm_card_visa")
    assert ann.payment_method
    sandbox.troubles(ann.payment_method, {"kind": "authentication"})
    sandbox.advance(days=30, hours=1)
    invoice = renewal_of(merchant, ann)
    with pytest.raises(stripe.CardError) as caught:
        merchant.v1.invoices.pay(invoice.id)
    assert caught.value.code == "authentication_required"
    with pytest.raises(stripe.CardError) as caught:
        merchant.v1.invoices.pay(invoice.id, {"off_session": False})
    assert caught.value.code == "invoice_payment_intent_requires_action"
    assert invoice.hosted_invoice_url
    page = session.get(invoice.hosted_invoice_url, timeout=5)
    assert invoice.number
    assert invoice.number in page.text
    session.post(invoice.hosted_invoice_url, data={"card": ""}, timeout=5)
    assert merchant.v1.invoices.retrieve(invoice.id).status == "paid"
    assert sandbox.ledger()[-1]["made_by"] == "customer"


def test_a_customer_replaces_the_card_in_the_portal(
    sandbox: Sandbox, merchant: stripe.StripeClient, session: requests.Session
) -> None:
    ann = failed(sandbox, "stolen_card", card_on="both")
    portal = merchant.v1.billing_portal.sessions.create(
        {"customer": ann.customer, "return_url": "http://127.0.0.1:1/?a=<b>"}
    )
    page = session.get(portal.url, timeout=5)
    assert "<b>" not in page.text
    session.post(portal.url, data={"card": "pm_card_mastercard"}, timeout=5)
    subscription = merchant.v1.subscriptions.retrieve(ann.subscription)
    assert subscription.default_payment_method != ann.payment_method
    assert merchant.v1.invoices.pay(renewal_of(merchant, ann).id).status == "paid"


def test_a_dispute_ends_the_subscription_without_a_request(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = failed(sandbox)
    sandbox.person("cancel", subscription=ann.subscription, reason="payment_disputed")
    event = merchant.v1.events.list({"limit": 1}).data[0]
    assert event.type == "customer.subscription.deleted"
    assert event.request
    assert event.request.id is None
    invoice = renewal_of(merchant, ann)
    assert (invoice.status, invoice.auto_advance) == ("open", False)
    assert merchant.v1.invoices.pay(invoice.id).status == "paid"
    subscription = merchant.v1.subscriptions.retrieve(ann.subscription)
    assert subscription.status == "canceled"


def test_a_bank_debit_is_accepted_and_answered_later(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    later = {"processing": 2 * 86400, "then": "insufficient_funds"}
    ann = failed(sandbox, "do_not_honor", later)
    invoice = renewal_of(merchant, ann)
    assert merchant.v1.invoices.pay(invoice.id).status == "open"
    with pytest.raises(stripe.InvalidRequestError, match="processing"):
        merchant.v1.invoices.pay(invoice.id)
    assert sandbox.ledger()[-1]["ok"] is None
    sandbox.advance(days=2)
    assert sandbox.ledger()[-1]["ok"] is False
    assert "invoice.payment_failed" in last_types(merchant, 4)
    assert merchant.v1.invoices.pay(invoice.id).status == "paid"


def test_paid_out_of_band_makes_no_charge(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = failed(sandbox)
    charges = len(sandbox.ledger())
    paid = merchant.v1.invoices.pay(
        renewal_of(merchant, ann).id, {"paid_out_of_band": True}
    )
    assert paid.status == "paid"
    assert len(sandbox.ledger()) == charges
    types = last_types(merchant, 6)
    assert "invoice.paid" in types
    assert "invoice.payment_succeeded" not in types


def test_a_written_off_invoice_can_still_be_paid(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = failed(sandbox, "do_not_honor", "do_not_honor")
    invoice = merchant.v1.invoices.mark_uncollectible(renewal_of(merchant, ann).id)
    assert merchant.v1.subscriptions.retrieve(ann.subscription).status == "active"
    with pytest.raises(stripe.CardError):
        merchant.v1.invoices.pay(invoice.id)
    assert merchant.v1.invoices.retrieve(invoice.id).status == "uncollectible"
    assert merchant.v1.invoices.pay(invoice.id).status == "paid"


def test_without_a_card_there_is_no_charge_and_no_payment(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = sandbox.subscriber()
    assert ann.payment_method
    merchant.v1.payment_methods.detach(ann.payment_method)
    sandbox.advance(days=30, hours=1)
    invoice = renewal_of(merchant, ann)
    assert (invoice.attempted, invoice.status) == (True, "open")
    assert not merchant.v1.invoice_payments.list({"invoice": invoice.id}).data
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        merchant.v1.invoices.pay(invoice.id)


def test_a_card_that_declines_at_once_cannot_be_saved(
    merchant: stripe.StripeClient,
) -> None:
    ann = merchant.v1.customers.create({"name": "Ann"})
    with pytest.raises(stripe.CardError):
        merchant.v1.payment_methods.attach(
            "pm_card_chargeDeclinedInsufficientFunds", {"customer": ann.id}
        )
    saved = merchant.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": ann.id}
    )
    assert saved.card
    assert saved.card.last4 == "0341"


def test_a_pause_leaves_drafts_and_resumes(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = sandbox.subscriber()
    resumes = sandbox.world.now + 40 * 86400
    merchant.v1.subscriptions.update(
        ann.subscription,
        {"pause_collection": {"behavior": "keep_as_draft", "resumes_at": resumes}},
    )
    sandbox.advance(days=32)
    assert renewal_of(merchant, ann).status == "draft"
    sandbox.advance(days=10)
    subscription = merchant.v1.subscriptions.retrieve(ann.subscription)
    assert subscription.pause_collection is None


def test_a_trial_ends_with_a_first_renewal(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = sandbox.subscriber(trial_days=14)
    assert merchant.v1.subscriptions.retrieve(ann.subscription).status == "trialing"
    assert not sandbox.ledger()
    sandbox.advance(days=14, hours=1)
    invoice = renewal_of(merchant, ann)
    assert (invoice.billing_reason, invoice.status) == ("subscription_cycle", "paid")
    assert merchant.v1.subscriptions.retrieve(ann.subscription).status == "active"


def test_a_first_invoice_unpaid_for_23_hours_ends_the_subscription(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = sandbox.subscriber(card="pm_card_chargeCustomerFail")
    assert merchant.v1.subscriptions.retrieve(ann.subscription).status == "incomplete"
    sandbox.advance(hours=23)
    ended = merchant.v1.subscriptions.retrieve(ann.subscription)
    assert ended.status == "incomplete_expired"


def test_an_upgrade_bills_the_difference_at_once(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = sandbox.subscriber(amount=1000)
    price = merchant.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 2500,
            "recurring": {"interval": "month"},
            "product": ann.product,
        }
    )
    merchant.v1.subscriptions.update(
        ann.subscription,
        {"items": [{"price": price.id}], "proration_behavior": "always_invoice"},
    )
    invoice = renewal_of(merchant, ann)
    assert (invoice.billing_reason, invoice.amount_paid) == (
        "subscription_update",
        1500,
    )


def test_a_listener_to_invoice_created_that_fails_delays_the_billing(
    sandbox: Sandbox, merchant: stripe.StripeClient, session: requests.Session
) -> None:
    ann = sandbox.subscriber(livemode=True)
    live = {"Authorization": "Bearer rk_live_sandboxMerchant"}
    session.post(
        f"{sandbox.url}/v1/webhook_endpoints",
        data={"url": "http://127.0.0.1:1/", "enabled_events[]": "invoice.created"},
        headers=live,
        timeout=5,
    ).raise_for_status()
    options: stripe.RequestOptions = {"api_key": "rk_live_sandboxMerchant"}
    sandbox.advance(days=31)
    held = merchant.v1.invoices.list({"subscription": ann.subscription}, options)
    assert held.data[0].status == "draft"
    sandbox.advance(days=3)
    freed = merchant.v1.invoices.list({"subscription": ann.subscription}, options)
    assert freed.data[0].status == "paid"
