"""What a subscription does by itself: renew, leave its trial, resume, expire, end."""

from app.sandbox.billing import collect, draft, finalize
from app.sandbox.clock import DAY, HOUR
from app.sandbox.errors import Obj
from app.sandbox.events import changing, emit
from app.sandbox.invoice_ends import void
from app.sandbox.standing import ENDED, end_subscription
from app.sandbox.subscription_objects import begin_next_period, current_period
from app.sandbox.tables import Book
from app.sandbox.world import World, by_itself

DRAFT_HOUR = HOUR
FIRST_PAYMENT_WITHIN = 23 * HOUR


def start(world: World, book: Book, subscription: Obj) -> None:
    """Bill the first period and put the renewals on schedule.

    A trial's first invoice is over nothing, and so is paid at once.
    """
    emit(world, book, "customer.subscription.created", subscription)
    schedule_renewal(world, book, subscription)
    if subscription["trial_end"]:
        _announce_trial_end(world, book, subscription)
    invoice = draft(
        world,
        book,
        subscription,
        billing_reason="subscription_create",
        finalizes_at=world.now,
    )
    finalize(world, book, invoice)
    if invoice["status"] != "open":
        return
    if invoice["collection_method"] == "send_invoice":
        with changing(world, book, "customer.subscription.updated", subscription):
            subscription["status"] = "active"
        return
    collect(world, book, invoice)
    if subscription["status"] == "incomplete":
        at = world.now + FIRST_PAYMENT_WITHIN
        world.later(book, at, "expire_incomplete", subscription=subscription["id"])


def schedule_renewal(world: World, book: Book, subscription: Obj) -> None:
    _, end = current_period(subscription)
    world.later(book, end, "renew", subscription=subscription["id"], end=end)


def _announce_trial_end(world: World, book: Book, subscription: Obj) -> None:
    at = max(subscription["trial_end"] - 3 * DAY, world.now)
    world.later(book, at, "tell_trial_end", subscription=subscription["id"])


@by_itself
def tell_trial_end(world: World, book: Book, details: Obj) -> None:
    subscription = book.subscriptions.rows[details["subscription"]]
    if subscription["status"] == "trialing":
        emit(world, book, "customer.subscription.trial_will_end", subscription)


@by_itself
def expire_incomplete(world: World, book: Book, details: Obj) -> None:
    """End a subscription whose first invoice was not paid within 23 hours."""
    subscription = book.subscriptions.rows[details["subscription"]]
    if subscription["status"] != "incomplete":
        return
    with changing(world, book, "customer.subscription.updated", subscription):
        subscription["status"] = "incomplete_expired"
        subscription["ended_at"] = world.now
    void(world, book, book.invoices.rows[subscription["latest_invoice"]])


@by_itself
def renew(world: World, book: Book, details: Obj) -> None:
    """At the end of a period: draft the next invoice, or end what was to end."""
    subscription = book.subscriptions.rows[details["subscription"]]
    _, end = current_period(subscription)
    if subscription["status"] in (*ENDED, "incomplete", "paused"):
        return
    if end != details["end"]:
        return
    if subscription["cancel_at_period_end"]:
        end_subscription(world, book, subscription, reason="cancellation_requested")
        return
    with changing(world, book, "customer.subscription.updated", subscription):
        begin_next_period(book, subscription)
        if subscription["status"] == "trialing":
            subscription["status"] = "active"
        draft(
            world,
            book,
            subscription,
            billing_reason="subscription_cycle",
            finalizes_at=_finalizes_at(world, subscription),
        )
    schedule_renewal(world, book, subscription)


def _finalizes_at(world: World, subscription: Obj) -> int | None:
    """Return when the renewal's draft is charged; None where it stays a draft."""
    pause = subscription["pause_collection"]
    kept = pause and pause["behavior"] == "keep_as_draft"
    if subscription["status"] == "unpaid" or kept:
        return None
    return world.now + DRAFT_HOUR


@by_itself
def resume_collection(world: World, book: Book, details: Obj) -> None:
    """End a pause_collection whose resumes_at has come."""
    subscription = book.subscriptions.rows[details["subscription"]]
    pause = subscription["pause_collection"]
    if pause and pause["resumes_at"] == details["at"]:
        with changing(world, book, "customer.subscription.updated", subscription):
            subscription["pause_collection"] = None


@by_itself
def cancel_when_due(world: World, book: Book, details: Obj) -> None:
    """End a subscription whose cancel_at has come."""
    subscription = book.subscriptions.rows[details["subscription"]]
    due = subscription["cancel_at"] == details["at"]
    if due and subscription["status"] not in ENDED:
        end_subscription(world, book, subscription, reason="cancellation_requested")
