"""What an invoice's state at Stripe means for charging it: one word and a sentence."""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.recovery import ClosedAs
from app.domain.snapshots import InvoiceSnapshot

# Renewals; https://docs.stripe.com/api/invoices/object#invoice_object-billing_reason
RENEWAL_REASONS = frozenset(
    {"subscription_cycle", "subscription_update", "subscription_threshold"}
)
FIRST_INVOICE = "subscription_create"


class Standing(StrEnum):
    """Whether a charge may be made now, and if not, what stands against it."""

    PAYABLE = "payable"
    PAID = "paid"
    OVER = "over"  # nothing may ever be charged on it again: the recovery closes
    DEAD = "dead"  # open, but Stripe will refuse every charge
    PAUSED_AT_STRIPE = "paused_at_stripe"
    STRIPE_RETRIES = "stripe_retries"
    SETTLING = "settling"  # a payment was accepted, its money is on the way


@dataclass(frozen=True, slots=True)
class Judgment:
    """A standing and its reason in a sentence."""

    standing: Standing
    reason: str = ""
    closed_as: ClosedAs | None = None  # with OVER


GONE = Judgment(
    Standing.OVER,
    "Stripe no longer shows this invoice to us: it was deleted, or belongs to the "
    "other mode.",
    ClosedAs.VOIDED,
)


def is_renewal(invoice: InvoiceSnapshot, *, with_first_invoices: bool) -> bool:
    """Whether a decline of this invoice is ours to recover."""
    reasons = RENEWAL_REASONS | ({FIRST_INVOICE} if with_first_invoices else set())
    return (
        invoice.billing_reason in reasons
        and invoice.collection_method == "charge_automatically"
        and invoice.subscription_id is not None
    )


def judge(invoice: InvoiceSnapshot) -> Judgment:
    """What stands, the strongest first; only PAYABLE allows a charge."""
    if invoice.status == "paid":
        return Judgment(Standing.PAID)
    ended = _ending(invoice)
    if ended:
        return Judgment(Standing.OVER, *ended)
    if invoice.is_dead:
        return Judgment(
            Standing.DEAD,
            "Stripe canceled the payment behind this invoice after too many attempts "
            "and refuses every further charge. Void it and send a new invoice.",
        )
    if _is_paused(invoice):
        return Judgment(
            Standing.PAUSED_AT_STRIPE, "Collection is paused for this at Stripe."
        )
    if invoice.is_settling:
        return Judgment(
            Standing.SETTLING, "A payment was accepted and is being settled."
        )
    if invoice.next_payment_attempt is not None:
        return Judgment(
            Standing.STRIPE_RETRIES,
            "Stripe has planned a retry of its own; we never charge beside it.",
        )
    return Judgment(Standing.PAYABLE)


_ENDED_INVOICES = {
    "void": ("The invoice was voided.", ClosedAs.VOIDED),
    "deleted": ("The invoice was deleted.", ClosedAs.VOIDED),
    "draft": ("The invoice is a draft again.", ClosedAs.VOIDED),
    "uncollectible": (
        "The invoice was written off as uncollectible.",
        ClosedAs.UNCOLLECTIBLE,
    ),
}


def _ending(invoice: InvoiceSnapshot) -> tuple[str, ClosedAs] | None:
    if invoice.status in _ENDED_INVOICES:
        return _ENDED_INVOICES[invoice.status]
    subscription = invoice.subscription
    if subscription is not None and subscription.is_over:
        return "The subscription was canceled.", ClosedAs.CANCELED
    if invoice.collection_method != "charge_automatically":
        return (
            "The customer now pays this invoice by hand: it is sent, not charged.",
            ClosedAs.SENT,
        )
    if invoice.amount_remaining <= 0:
        return "Nothing is due on the invoice any more.", ClosedAs.PAID_ELSEWHERE
    return None


def _is_paused(invoice: InvoiceSnapshot) -> bool:
    subscription = invoice.subscription
    return subscription is not None and (
        subscription.status == "paused" or subscription.pause_behavior is not None
    )
