"""What an event asks us to do: look at one thing at Stripe again, or nothing.

Reading the payload here is only about relevance: it may spare a call where nothing of
ours can be concerned, and it never tells us how something stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from app.domain.declines import MadeBy
from app.domain.event_types import LOOK_AGAIN, LookAt
from app.domain.recovery import OUR_KEYS_BEGIN
from app.domain.snapshots import EventEnvelope

# A failing look is tried again after 1, 2, 4 ... minutes, and for ever every 6 hours:
# whatever is wrong may be mended on a Monday.
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)


# What is kept beside an event when it comes: its payload need not be read again.
HINTS = (
    "customer_id",
    "subscription_id",
    "billing_reason",
    "payment_intent_id",
    "attempt_count",
    "request_id",
    "request_idempotency_key",
)


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to look at; events that ask for the same errand share one look."""

    account_id: int
    look_at: LookAt
    target: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is ours, among the things that some events are about."""

    invoices: frozenset[str] = frozenset()  # those with a recovery
    customers: frozenset[str] = frozenset()  # those with money still to be won back
    invoice_of_intent: Mapping[str, str] = field(default_factory=dict)


def hints_of(event: EventEnvelope) -> dict[str, str | int]:
    """What of `event` decides about its errand, small enough to keep beside it."""
    hints = {name: getattr(event, name) for name in HINTS}
    return {name: value for name, value in hints.items() if value is not None}


def errand_of(account_id: int, event: EventEnvelope, known: Known) -> Errand | str:
    """What `event` asks for, or why it asks for nothing."""
    look_at = LOOK_AGAIN.get(event.type)
    target = event.customer_id if look_at is LookAt.CARDS else event.object_id
    if look_at is None:
        return "nothing to do for events of this type"
    if target is None:
        return "it names nothing to look at"
    if look_at is LookAt.CHARGE:
        of_ours = known.invoice_of_intent.get(event.payment_intent_id or "")
        if of_ours:
            return Errand(account_id, LookAt.INVOICE, of_ours)
    return _no_concern(look_at, event, known) or Errand(account_id, look_at, target)


def made_by(event: EventEnvelope, known: Known) -> MadeBy | None:
    """Who made the charge that this event tells of; None where it does not tell."""
    if event.type != "invoice.payment_failed":
        return None
    if (event.request_idempotency_key or "").startswith(OUR_KEYS_BEGIN):
        return MadeBy.METRICSCO
    if event.object_id not in known.invoices:
        return None  # the first charge, whoever's call brought it about
    if event.request_id is None:
        return MadeBy.STRIPE if (event.attempt_count or 0) > 1 else None
    return MadeBy.STAFF


def wait_after(tries: int) -> timedelta:
    """How long to wait after the look failed for the `tries`-th time."""
    return min(FIRST_WAIT * (1 << min(tries - 1, 20)), LONGEST_WAIT)


def _no_concern(look_at: LookAt, event: EventEnvelope, known: Known) -> str | None:
    match look_at:
        case LookAt.CARDS if event.customer_id not in known.customers:
            return "no recovery waits for a card of this customer"
        case LookAt.INVOICE if event.object_id in known.invoices:
            return None
        case LookAt.INVOICE if _is_one_off(event):
            return "an invoice of no subscription"
        case LookAt.INVOICE if event.type == "invoice.updated" and (
            event.attempt_count == 0
        ):
            return "nobody has tried to charge this invoice yet"
    return None


def _is_one_off(event: EventEnvelope) -> bool:
    """Whether the event says that its invoice is of no subscription.

    One that does not say what it is for may be of any: then only a look tells.
    """
    reason = event.billing_reason
    return event.subscription_id is None and reason is not None
