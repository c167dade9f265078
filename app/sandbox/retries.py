"""Stripe's own retries of a failed renewal, as the Dashboard's settings ask for them.

https://docs.stripe.com/billing/revenue-recovery/smart-retries (copy of 2026-04).
"""

from app.sandbox.accounts import RetrySettings
from app.sandbox.clock import DAY
from app.sandbox.errors import Obj
from app.sandbox.events import changing
from app.sandbox.invoice_ends import mark_uncollectible
from app.sandbox.invoice_objects import subscription_of
from app.sandbox.standing import ENDED, end_subscription
from app.sandbox.tables import Book
from app.sandbox.world import World, by_itself

SMART_TRIES = 8
SMART_DAYS = 14
# Stripe's published list of codes it does not retry; tries go on on paper only.
NOT_RETRIED = frozenset(
    {
        "authentication_required",
        "highest_risk_level",
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
        "transaction_not_allowed",
    }
)


def plan_next(world: World, book: Book, invoice: Obj) -> bool:
    """Schedule Stripe's next try; say whether collection goes on by itself.

    Only an attempt of Stripe's own moves the plan. A plan that is made keeps its
    times when the settings change.
    """
    if world.made.by != "stripe":
        return True
    notes = book.notes(invoice["id"])
    settings = world.account_of(book).retries
    if "plan" not in notes:
        notes["plan"] = _plan(world, invoice, settings)
    if not notes["plan"]:
        invoice["next_payment_attempt"] = None
        invoice["auto_advance"] = settings.auto_advance_after_last
        return False
    at = notes["retry_at"] = notes["plan"].pop(0)
    world.later(book, at, "retry_by_stripe", invoice=invoice["id"], at=at)
    invoice["next_payment_attempt"] = None if settings.automations else at
    if settings.automations:
        told_at = world.now + settings.automations_delay
        world.later(book, told_at, "tell_next_attempt", invoice=invoice["id"], at=at)
    return True


def _plan(world: World, invoice: Obj, settings: RetrySettings) -> list[int]:
    # A first invoice leaves the subscription incomplete; it is not retried.
    if invoice["billing_reason"] == "subscription_create" or settings.mode == "none":
        return []
    if settings.mode == "custom":
        days = settings.days[:3]
        return [world.now + sum(days[: n + 1]) * DAY for n in range(len(days))]
    offsets = sorted(world.random.sample(range(DAY, SMART_DAYS * DAY), SMART_TRIES))
    return [world.now + offset for offset in offsets]


def is_hopeless(book: Book, invoice: Obj, card: Obj) -> bool:
    """Say whether Stripe would not ask this card again after what it last said."""
    notes = book.notes(invoice["id"])
    return notes.get("refused_card") == card["id"] and (
        notes["refused_reason"] in NOT_RETRIED
    )


@by_itself
def tell_next_attempt(world: World, book: Book, details: Obj) -> None:
    """With automations in use, say only later when the next try will be."""
    invoice = book.invoices.rows[details["invoice"]]
    if is_collected_by_stripe(book, invoice, at=details["at"]):
        with changing(world, book, "invoice.updated", invoice):
            invoice["next_payment_attempt"] = details["at"]


def is_collected_by_stripe(book: Book, invoice: Obj, *, at: int) -> bool:
    """Say whether the try planned for `at` is still to be made."""
    return bool(
        invoice["status"] == "open"
        and invoice["auto_advance"]
        and book.notes(invoice["id"]).get("retry_at") == at
    )


def end_of_retries(world: World, book: Book, invoice: Obj) -> None:
    """Do what the account's settings say is to be done when retries have ended."""
    settings = world.account_of(book).retries
    subscription = subscription_of(book, invoice)
    if invoice["billing_reason"] == "subscription_create":
        return
    if settings.invoice_at_the_end == "uncollectible":
        mark_uncollectible(world, book, invoice, reason="max_payment_attempts")
    if subscription is None or subscription["status"] in ENDED:
        return
    if settings.at_the_end == "cancel":
        end_subscription(world, book, subscription, reason="payment_failed")
    elif settings.at_the_end == "unpaid":
        with changing(world, book, "customer.subscription.updated", subscription):
            subscription["status"] = "unpaid"
