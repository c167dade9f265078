"""What a subscription's status follows from: docs.stripe.com/billing/subscriptions."""

from app.sandbox.errors import Obj
from app.sandbox.events import changing, emit
from app.sandbox.invoice_objects import subscription_of
from app.sandbox.tables import SUBSCRIPTION_OF_INVOICE, Book
from app.sandbox.world import World

ENDED = frozenset({"canceled", "incomplete_expired"})
SETTLED = frozenset({"paid", "uncollectible", "void"})


def follow_invoice(world: World, book: Book, invoice: Obj) -> None:
    """Let the subscription and the customer follow the invoice's new state."""
    subscription = subscription_of(book, invoice)
    if subscription and subscription["status"] not in ENDED:
        with changing(world, book, "customer.subscription.updated", subscription):
            subscription["status"] = _status_after(subscription, invoice)
    _follow_delinquency(world, book, invoice)


def _status_after(subscription: Obj, invoice: Obj) -> str:
    status: str = subscription["status"]
    if status == "incomplete":
        paid_first = invoice["status"] == "paid"
        return "active" if paid_first else status
    # The most recent invoice decides; older open ones do not matter.
    if subscription["latest_invoice"] != invoice["id"]:
        return status
    if invoice["status"] in SETTLED and status in ("past_due", "unpaid"):
        return "active"
    failed = invoice["status"] == "open" and invoice["attempted"]
    if failed and status in ("active", "trialing"):
        return "past_due"
    return status


def _follow_delinquency(world: World, book: Book, invoice: Obj) -> None:
    owner = book.customers.get(invoice["customer"])
    if owner is None:
        return
    failed = invoice["status"] == "open" and invoice["attempted"]
    if not failed and not owner["delinquent"]:
        return
    with changing(world, book, "customer.updated", owner):
        owner["delinquent"] = failed or _owes(book, owner["id"])


def _owes(book: Book, customer_id: str) -> bool:
    return any(
        invoice["status"] == "open" and invoice["attempted"]
        for invoice in book.invoices.having("customer", customer_id)
    )


def end_subscription(
    world: World,
    book: Book,
    subscription: Obj,
    *,
    reason: str | None,
    details: Obj | None = None,
) -> None:
    """Cancel for good: what is open is no longer collected by Stripe."""
    subscription["status"] = "canceled"
    subscription["canceled_at"] = subscription["canceled_at"] or world.now
    subscription["ended_at"] = world.now
    subscription["cancellation_details"].update(details or {}, reason=reason)
    rows = book.invoices.having(SUBSCRIPTION_OF_INVOICE, subscription["id"])
    for invoice in rows:
        if invoice["status"] in ("draft", "open"):
            with changing(world, book, "invoice.updated", invoice):
                invoice["auto_advance"] = False
                invoice["next_payment_attempt"] = None
                invoice["automatically_finalizes_at"] = None
    emit(world, book, "customer.subscription.deleted", subscription)
