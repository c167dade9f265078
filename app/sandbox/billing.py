"""From a draft to a charge: invoices of subscriptions are made, finalized, collected.

https://docs.stripe.com/invoicing/integration/workflow-transitions
"""

from app.sandbox.clock import DAY, HOUR
from app.sandbox.collection import (
    Outcome,
    card_for,
    charge,
    fail_without_card,
    open_payment,
    settle,
)
from app.sandbox.errors import Obj
from app.sandbox.events import changing, emit
from app.sandbox.invoice_ends import mark_uncollectible, void
from app.sandbox.invoice_objects import item_line, make_invoice, subscription_of
from app.sandbox.retries import (
    end_of_retries,
    is_collected_by_stripe,
    is_hopeless,
    plan_next,
)
from app.sandbox.subscription_objects import current_period, items_of
from app.sandbox.tables import Book
from app.sandbox.world import World, by_itself

# A silent listener to invoice.created holds finalizing up for so long.
HELD_BACK = 72 * HOUR


def draft(
    world: World,
    book: Book,
    subscription: Obj,
    *,
    billing_reason: str,
    finalizes_at: int | None,
) -> Obj:
    """Keep and announce a draft whose lines bill the running period.

    The invoice's own period is the one before: `period_end` is the renewal's time.
    """
    period = current_period(subscription)
    free = 0 if subscription["status"] == "trialing" else None
    earlier = book.notes(subscription["id"]).get("earlier_start", period[0])
    lines = [
        item_line(world, item, period=period, amount=free)
        for item in items_of(subscription)
    ]
    invoice = make_invoice(
        world,
        book,
        customer=book.customers.rows[subscription["customer"]],
        lines=lines,
        billing_reason=billing_reason,
        subscription=subscription,
        period=(earlier, period[0]),
    )
    subscription["latest_invoice"] = invoice["id"]
    invoice["auto_advance"] = finalizes_at is not None
    invoice["automatically_finalizes_at"] = finalizes_at
    if finalizes_at and invoice["collection_method"] == "charge_automatically":
        invoice["next_payment_attempt"] = finalizes_at
    emit(world, book, "invoice.created", invoice)
    if finalizes_at and finalizes_at > world.now:
        world.later(book, finalizes_at, "finalize_and_collect", invoice=invoice["id"])
    return invoice


def finalize(world: World, book: Book, invoice: Obj) -> None:
    """Turn the draft into an open invoice with a number and a page of its own."""
    owner = book.customers.get(invoice["customer"])
    with changing(world, book, "invoice.updated", invoice):
        invoice["status"] = "open"
        invoice["automatically_finalizes_at"] = None
        invoice["next_payment_attempt"] = None
        invoice["effective_at"] = world.now
        invoice["status_transitions"]["finalized_at"] = world.now
        invoice["number"] = _next_number(owner)
        page = world.add_page(book, invoice=invoice["id"])
        pay_at = f"{world.base_url}/i/{book.account_id}/{page}"
        invoice["hosted_invoice_url"] = f"{pay_at}?s=ap"
        invoice["invoice_pdf"] = f"{pay_at}/pdf?s=ap"
        invoice["webhooks_delivered_at"] = invoice["created"]
        if invoice["collection_method"] == "send_invoice":
            invoice["due_date"] = world.now + 30 * DAY
        emit(world, book, "invoice.finalized", invoice)
    if invoice["amount_due"] == 0:
        settle(world, book, invoice, really=False)
    elif invoice["collection_method"] == "send_invoice":
        open_payment(world, book, invoice)
        emit(world, book, "invoice.sent", invoice)


def _next_number(owner: Obj | None) -> str:
    if owner is None:
        return "DELETED-0001"
    number = f"{owner['invoice_prefix']}-{owner['next_invoice_sequence']:04d}"
    owner["next_invoice_sequence"] += 1
    return number


def collect(world: World, book: Book, invoice: Obj) -> Outcome:
    """Charge an open invoice as Stripe does by itself, off session."""
    method = card_for(book, invoice)
    if method is None:
        fail_without_card(world, book, invoice)
        return Outcome()
    outcome = charge(world, book, invoice, method, off_session=True)
    if not outcome.paid and outcome.answer is None and outcome.error:
        # The payment is dead: nothing was charged and nothing shows.
        with changing(world, book, "invoice.updated", invoice):
            invoice["next_payment_attempt"] = None
    return outcome


@by_itself
def finalize_and_collect(world: World, book: Book, details: Obj) -> None:
    """An hour after the draft: finalize, then charge at once."""
    invoice = book.invoices.rows[details["invoice"]]
    if invoice["status"] != "draft" or not invoice["auto_advance"]:
        return
    if _is_held_back(world, invoice):
        again = world.now + HOUR
        invoice["automatically_finalizes_at"] = again
        invoice["next_payment_attempt"] = again
        world.later(book, again, "finalize_and_collect", invoice=invoice["id"])
        return
    finalize(world, book, invoice)
    if not _is_paused(world, book, invoice):
        collect_if_due(world, book, invoice)


def collect_if_due(world: World, book: Book, invoice: Obj) -> None:
    by_card = invoice["collection_method"] == "charge_automatically"
    if by_card and invoice["status"] == "open":
        collect(world, book, invoice)


def _is_held_back(world: World, invoice: Obj) -> bool:
    """Say whether a listener to invoice.created has not answered 2xx yet."""
    if world.now >= invoice["created"] + HELD_BACK:
        return False
    return any(
        delivery.event["type"] == "invoice.created"
        and delivery.event["data"]["object"]["id"] == invoice["id"]
        for _, _, delivery in world.outbox
    )


def _is_paused(world: World, book: Book, invoice: Obj) -> bool:
    """Do with the invoice what the subscription's pause_collection asks for."""
    subscription = subscription_of(book, invoice)
    pause = subscription and subscription["pause_collection"]
    if not pause:
        return False
    if pause["behavior"] == "void":
        void(world, book, invoice)
    elif pause["behavior"] == "mark_uncollectible":
        mark_uncollectible(world, book, invoice, reason="subscription_paused")
    return True


@by_itself
def retry_by_stripe(world: World, book: Book, details: Obj) -> None:
    """One of Stripe's own retries; with a hard code it happens on paper only."""
    invoice = book.invoices.rows[details["invoice"]]
    if not is_collected_by_stripe(book, invoice, at=details["at"]):
        return
    method = card_for(book, invoice)
    if method and is_hopeless(book, invoice, method):
        with changing(world, book, "invoice.updated", invoice):
            invoice["attempt_count"] += 1
            goes_on = plan_next(world, book, invoice)
        if not goes_on:
            end_of_retries(world, book, invoice)
        return
    collect(world, book, invoice)
