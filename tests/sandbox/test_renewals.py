"""A renewal that is declined, seen through the real stripe library."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import stripe

from app.sandbox import Sandbox
from tests.sandbox.clients import MERCHANT_KEY, client_for


def a_failed_renewal(
    sandbox: Sandbox, merchant: stripe.StripeClient, *answers: str
) -> stripe.Invoice:
    """Return the open invoice of a monthly subscriber whose renewal was declined."""
    ann = sandbox.subscriber()
    assert ann.payment_method
    sandbox.script(ann.payment_method, *(answers or ("insufficient_funds",)))
    sandbox.advance(days=30, hours=1)
    invoices = merchant.v1.invoices.list({"subscription": ann.subscription})
    return invoices.data[0]


def test_a_declined_renewal_leaves_the_invoice_open_and_the_subscription_past_due(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    invoice = a_failed_renewal(sandbox, merchant)
    assert invoice.billing_reason == "subscription_cycle"
    assert (invoice.status, invoice.attempted, invoice.attempt_count) == (
        "open",
        True,
        1,
    )
    assert invoice.next_payment_attempt is None
    assert invoice.parent
    assert invoice.parent.subscription_details
    subscription = merchant.v1.subscriptions.retrieve(
        str(invoice.parent.subscription_details.subscription)
    )
    assert subscription.status == "past_due"


def test_the_decline_is_read_in_one_call(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    invoice = a_failed_renewal(sandbox, merchant)
    payments = merchant.v1.invoice_payments.list(
        {
            "invoice": invoice.id,
            "expand": ["data.payment.payment_intent.latest_charge"],
        }
    )
    intent = payments.data[0].payment.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert intent.latest_charge.outcome
    assert intent.latest_charge.outcome.reason == "insufficient_funds"
    assert intent.last_payment_error
    assert intent.last_payment_error.decline_code == "insufficient_funds"


def test_payments_are_left_out_unless_expanded(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    invoice = a_failed_renewal(sandbox, merchant)
    assert "payments" not in invoice
    again = merchant.v1.invoices.retrieve(
        invoice.id, {"expand": ["payments.data.payment.payment_intent"]}
    )
    assert again.payments
    intent = again.payments.data[0].payment.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert intent.status == "requires_payment_method"


def test_one_failed_renewal_emits_its_events_without_a_request(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    a_failed_renewal(sandbox, merchant)
    events = merchant.v1.events.list({"created": {"gt": 1793523600}, "limit": 100})
    failed = {
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "invoice.updated",
        "customer.subscription.updated",
    }
    assert failed <= {event.type for event in events.data}
    assert all(event.request and event.request.id is None for event in events.data)


def test_paying_the_invoice_brings_the_subscription_back(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    invoice = a_failed_renewal(sandbox, merchant)
    paid = merchant.v1.invoices.pay(invoice.id, {"off_session": True})
    assert (paid.status, paid.amount_remaining) == ("paid", 0)
    subscriptions = merchant.v1.subscriptions.list()
    assert [one.status for one in subscriptions.data] == ["active"]


def test_a_declined_pay_answers_with_every_field(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    invoice = a_failed_renewal(sandbox, merchant, "insufficient_funds", "lost_card")
    with pytest.raises(stripe.CardError) as caught:
        merchant.v1.invoices.pay(invoice.id)
    error = caught.value.error
    assert caught.value.http_status == 402
    assert error
    assert (error.type, error.code) == ("card_error", "card_declined")
    assert error.decline_code == "lost_card"
    assert error.advice_code == "do_not_try_again"
    assert error.network_decline_code == "41"
    assert error.charge
    assert error.payment_intent
    assert error.payment_method
    assert error.doc_url


def test_manual_tries_after_the_first_do_not_raise_attempt_count(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    invoice = a_failed_renewal(sandbox, merchant, "do_not_honor", "do_not_honor")
    with pytest.raises(stripe.CardError):
        merchant.v1.invoices.pay(invoice.id)
    assert merchant.v1.invoices.retrieve(invoice.id).attempt_count == 1


def test_a_payment_dies_at_the_eleventh_call(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    invoice = a_failed_renewal(sandbox, merchant, *["do_not_honor"] * 20)
    for _ in range(9):
        with pytest.raises(stripe.CardError):
            merchant.v1.invoices.pay(invoice.id)
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError):
            merchant.v1.invoices.pay(invoice.id)
    payments = merchant.v1.invoice_payments.list({"invoice": invoice.id})
    assert [one.status for one in payments.data] == ["canceled"]
    assert merchant.v1.invoices.retrieve(invoice.id).status == "open"
    assert len([e for e in sandbox.ledger() if e["invoice"] == invoice.id]) == 10


@pytest.mark.parametrize(
    ("end", "text"),
    [("paid", "already paid"), ("void", "Voided invoices cannot be paid.")],
)
def test_what_is_settled_cannot_be_paid(
    sandbox: Sandbox, merchant: stripe.StripeClient, end: str, text: str
) -> None:
    invoice = a_failed_renewal(sandbox, merchant)
    if end == "paid":
        merchant.v1.invoices.pay(invoice.id)
    else:
        merchant.v1.invoices.void_invoice(invoice.id)
    with pytest.raises(stripe.InvalidRequestError, match=text):
        merchant.v1.invoices.pay(invoice.id)


def test_the_panels_restricted_key_can_do_what_the_panel_needs(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    invoice = a_failed_renewal(sandbox, merchant)
    options: stripe.RequestOptions = {"api_key": MERCHANT_KEY}
    paid = merchant.v1.invoices.pay(invoice.id, {}, options)
    assert paid.status == "paid"


def test_callers_at_the_same_time_charge_once(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    invoice = a_failed_renewal(sandbox, merchant)

    def pay(number: int) -> str:
        with requests.Session() as own:
            client = client_for(sandbox, MERCHANT_KEY, session=own)
            options: stripe.RequestOptions = {"idempotency_key": f"try-{number}"}
            try:
                return str(client.v1.invoices.pay(invoice.id, {}, options).status)
            except stripe.InvalidRequestError:
                return "refused"

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(pay, range(8)))
    assert sorted(results) == ["paid"] + ["refused"] * 7
    paid = [e for e in sandbox.ledger() if e["invoice"] == invoice.id and e["ok"]]
    assert len(paid) == 1


def test_a_draft_says_when_it_will_be_charged(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = sandbox.subscriber()
    sandbox.advance(days=30)
    (draft, _) = merchant.v1.invoices.list({"subscription": ann.subscription}).data
    assert draft.status == "draft"
    assert draft.next_payment_attempt == draft.created + 3600


def test_a_trial_begins_with_a_paid_invoice_over_nothing(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = sandbox.subscriber(trial_days=14)
    (first,) = merchant.v1.invoices.list({"subscription": ann.subscription}).data
    assert (first.status, first.total) == ("paid", 0)
    assert first.billing_reason == "subscription_create"
    assert not sandbox.ledger()
