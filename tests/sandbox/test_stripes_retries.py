"""Stripe's own retries and what comes at their end."""

import pytest
import stripe

from app.sandbox import Sandbox, Subscriber


def a_deaf_card(sandbox: Sandbox, code: str = "insufficient_funds") -> Subscriber:
    """Return a subscriber whose renewals will all be declined."""
    ann = sandbox.subscriber()
    assert ann.payment_method
    sandbox.script(ann.payment_method, default=code)
    return ann


def renewal_of(merchant: stripe.StripeClient, ann: Subscriber) -> stripe.Invoice:
    return merchant.v1.invoices.list({"subscription": ann.subscription}).data[0]


def charges_of(sandbox: Sandbox, invoice: stripe.Invoice) -> int:
    return len([e for e in sandbox.ledger() if e["invoice"] == invoice.id])


def test_without_retries_the_invoice_is_left_open_for_us(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = a_deaf_card(sandbox)
    sandbox.advance(days=45)
    invoice = renewal_of(merchant, ann)
    assert (invoice.status, invoice.next_payment_attempt) == ("open", None)
    assert charges_of(sandbox, invoice) == 1


def test_a_custom_schedule_is_kept_and_then_ended(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    sandbox.retries(mode="custom", days=[2, 3], at_the_end="cancel")
    ann = a_deaf_card(sandbox)
    sandbox.advance(days=30, hours=2)
    first = renewal_of(merchant, ann)
    assert first.next_payment_attempt
    sandbox.advance(days=2)
    second = renewal_of(merchant, ann)
    assert (second.attempt_count, charges_of(sandbox, first)) == (2, 2)
    sandbox.advance(days=3)
    last = renewal_of(merchant, ann)
    assert (last.attempt_count, last.next_payment_attempt) == (3, None)
    subscription = merchant.v1.subscriptions.retrieve(ann.subscription)
    assert subscription.status == "canceled"
    assert subscription.cancellation_details
    assert subscription.cancellation_details.reason == "payment_failed"
    assert last.auto_advance is False


@pytest.mark.parametrize(
    ("end", "status"), [("leave", "past_due"), ("unpaid", "unpaid")]
)
def test_each_end_leaves_its_status(
    sandbox: Sandbox, merchant: stripe.StripeClient, end: str, status: str
) -> None:
    sandbox.retries(mode="none", at_the_end=end)
    ann = a_deaf_card(sandbox)
    sandbox.advance(days=31)
    subscription = merchant.v1.subscriptions.retrieve(ann.subscription)
    assert subscription.status == status
    sandbox.advance(days=31)
    following = renewal_of(merchant, ann)
    assert following.status == ("draft" if end == "unpaid" else "open")


def test_smart_retries_try_eight_times_in_two_weeks(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    sandbox.retries(mode="smart")
    ann = a_deaf_card(sandbox)
    sandbox.advance(days=45)
    invoice = renewal_of(merchant, ann)
    assert (charges_of(sandbox, invoice), invoice.attempt_count) == (9, 9)


def test_a_hard_code_is_retried_on_paper_only(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    sandbox.retries(mode="custom", days=[1, 1, 1])
    ann = a_deaf_card(sandbox, "stolen_card")
    sandbox.advance(days=40)
    invoice = renewal_of(merchant, ann)
    assert (charges_of(sandbox, invoice), invoice.attempt_count) == (1, 4)


def test_a_paid_invoice_is_not_tried_again(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    sandbox.retries(mode="custom", days=[3])
    ann = a_deaf_card(sandbox)
    sandbox.advance(days=31)
    invoice = renewal_of(merchant, ann)
    assert ann.payment_method
    sandbox.script(ann.payment_method, "approve")
    paid = merchant.v1.invoices.pay(invoice.id)
    assert paid.next_payment_attempt is None
    sandbox.advance(days=10)
    assert charges_of(sandbox, invoice) == 2


def test_a_manual_decline_leaves_stripes_schedule_alone(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    sandbox.retries(mode="custom", days=[3])
    ann = a_deaf_card(sandbox)
    sandbox.advance(days=30, hours=2)
    before = renewal_of(merchant, ann)
    with pytest.raises(stripe.CardError):
        merchant.v1.invoices.pay(before.id)
    after = renewal_of(merchant, ann)
    assert after.next_payment_attempt == before.next_payment_attempt
    assert after.attempt_count == 1


def test_a_changed_setting_leaves_a_planned_schedule_alone(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    sandbox.retries(mode="custom", days=[3])
    ann = a_deaf_card(sandbox)
    sandbox.advance(days=30, hours=2)
    sandbox.retries(mode="none")
    assert renewal_of(merchant, ann).next_payment_attempt
    sandbox.advance(days=3)
    assert charges_of(sandbox, renewal_of(merchant, ann)) == 2


def test_with_automations_the_next_try_is_told_later(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    sandbox.retries(mode="custom", days=[3], automations=True)
    ann = a_deaf_card(sandbox)
    sandbox.advance(days=30, hours=1)
    invoice = renewal_of(merchant, ann)
    assert (invoice.attempted, invoice.next_payment_attempt) == (True, None)
    sandbox.advance(seconds=300)
    assert renewal_of(merchant, ann).next_payment_attempt
    event = merchant.v1.events.list({"limit": 1}).data[0]
    assert event.type == "invoice.updated"


def test_every_cycle_left_overdue_is_charged_once_more(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = a_deaf_card(sandbox)
    sandbox.advance(days=62)
    invoices = merchant.v1.invoices.list({"subscription": ann.subscription}).data
    assert [one.status for one in invoices] == ["open", "open", "paid"]
    assert ann.payment_method
    sandbox.script(ann.payment_method, "approve")
    merchant.v1.invoices.pay(invoices[0].id)
    subscription = merchant.v1.subscriptions.retrieve(ann.subscription)
    assert subscription.status == "active"
    assert merchant.v1.invoices.retrieve(invoices[1].id).status == "open"
