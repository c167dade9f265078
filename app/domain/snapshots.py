"""What Stripe said about its objects at one moment, as values; nothing else of Stripe.

Times are aware UTC, amounts are integers in the smallest unit of `currency` (lower
case), words are as Stripe spells them. None means that Stripe said nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from app.domain.cases import Card
from app.domain.declines import Codes
from app.domain.money import Money

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list; `next_after` continues it, None when this was the last."""

    items: tuple[Item, ...] = ()
    next_after: str | None = None

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """The merchant's Stripe account. `livemode` is the mode of the key in use."""

    id: str
    livemode: bool
    name: str = ""
    country: str | None = None
    default_currency: str | None = None
    timezone: str | None = None  # an IANA name, of the dashboard


@dataclass(frozen=True, slots=True)
class CustomerSnapshot:
    """The payer. Only `id` is sure unless the customer itself was read."""

    id: str
    name: str = ""
    email: str = ""
    country: str | None = None
    timezone: str | None = None  # an IANA name, where the merchant noted one
    locale: str | None = None  # the first preferred one, such as "pt-BR"
    default_payment_method: str | None = None
    default_source: str | None = None
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class SubscriptionSnapshot:
    """One subscription; period, price and interval are those of its first item."""

    id: str
    status: str | None
    customer: CustomerSnapshot
    livemode: bool
    created: datetime | None = None
    product_name: str | None = None  # only where the product itself was read
    plan_name: str | None = None  # the price's nickname or the description
    interval: str | None = None
    interval_count: int = 1
    amount: int = 0  # of one interval: the sum of the items
    currency: str = ""
    trial_end: datetime | None = None
    current_period_start: datetime | None = None
    current_period_end: datetime | None = None
    cancel_at: datetime | None = None
    cancel_at_period_end: bool = False
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    cancellation_reason: str | None = None  # "payment_failed": Stripe's setting did it
    pause_behavior: str | None = None  # set while collection is paused
    pause_resumes_at: datetime | None = None
    collection_method: str | None = None
    default_payment_method: str | None = None
    default_source: str | None = None
    latest_invoice_id: str | None = None

    @property
    def is_over(self) -> bool:
        """No renewal will follow: nothing of it may be charged any more."""
        return self.status in ("canceled", "incomplete_expired")


@dataclass(frozen=True, slots=True)
class PaymentSnapshot:
    """One way in which an invoice is being paid (Stripe's InvoicePayment)."""

    id: str
    status: str | None  # open, paid, canceled
    is_default: bool = False
    kind: str | None = None  # payment_intent, charge, payment_record
    payment_intent_id: str | None = None
    charge_id: str | None = None  # the charge itself, or the intent's latest
    # What follows is None unless the payment intent itself was read.
    intent_status: str | None = None
    last_error_code: str | None = None
    last_codes: Codes | None = None

    @property
    def is_dead(self) -> bool:
        """Nothing can be charged through it any more."""
        return self.status == "canceled" or self.intent_status == "canceled"

    @property
    def wants_customer(self) -> bool:
        """The bank asked for 3D Secure: it stands until the customer has confirmed."""
        return (
            self.intent_status == "requires_action"
            or self.last_error_code == "authentication_required"
        )


@dataclass(frozen=True, slots=True)
class CardChoice:
    """The payment method that Stripe will charge, and on which object it is set."""

    id: str
    set_on: str  # "invoice", "subscription", "customer"


@dataclass(frozen=True, slots=True)
class InvoiceSnapshot:
    """One invoice as it stands.

    `customer`, `subscription` and `payments` are whole when `is_whole`; an invoice out
    of a list has only the ids of the first two, and no payments.
    """

    id: str
    status: str | None  # draft, open, paid, uncollectible, void
    customer: CustomerSnapshot
    livemode: bool
    currency: str = ""
    amount_due: int = 0
    amount_remaining: int = 0
    amount_paid: int = 0
    amount_paid_off_stripe: int = 0
    billing_reason: str | None = None
    collection_method: str | None = None
    # Any attempt counts as the first; later only Stripe's own retries do. It is
    # neither the number of charges nor that of our retries.
    attempt_count: int = 0
    attempted: bool = False
    auto_advance: bool = False
    next_payment_attempt: datetime | None = None
    created: datetime | None = None
    finalized_at: datetime | None = None
    paid_at: datetime | None = None
    voided_at: datetime | None = None
    marked_uncollectible_at: datetime | None = None
    uncollectible_reason: str | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None
    hosted_invoice_url: str | None = None
    number: str | None = None
    subscription_id: str | None = None
    subscription: SubscriptionSnapshot | None = None
    default_payment_method: str | None = None
    default_source: str | None = None
    payments: tuple[PaymentSnapshot, ...] = ()
    is_whole: bool = False

    @property
    def remaining(self) -> Money:
        """What a charge would take now."""
        return Money(self.amount_remaining, self.currency)

    @property
    def is_dead(self) -> bool:
        """Unpaid, and its payment died: Stripe will refuse every further charge.

        After too many attempts Stripe cancels the payment but leaves the invoice
        open. An invoice without any payment yet is not dead.
        """
        unpaid = self.status in ("open", "uncollectible")
        alive = any(p.status == "open" and not p.is_dead for p in self.payments)
        return unpaid and not alive and any(p.is_dead for p in self.payments)

    @property
    def is_settling(self) -> bool:
        """A payment was accepted and its money is on the way."""
        return any(payment.intent_status == "processing" for payment in self.payments)

    @property
    def wants_customer(self) -> bool:
        """It waits for the customer to confirm a payment, by 3D Secure."""
        return any(payment.wants_customer for payment in self.payments)

    @property
    def is_paid_out_of_band(self) -> bool:
        """Paid, but not (all) through Stripe: somebody marked it so."""
        if self.status != "paid":
            return False
        kinds = {p.kind for p in self.payments if p.status == "paid"}
        unexplained = self.is_whole and self.amount_due > 0 and not kinds
        return (
            self.amount_paid_off_stripe > 0 or "payment_record" in kinds or unexplained
        )

    @property
    def payment_intent_ids(self) -> tuple[str, ...]:
        """Of all its payments, the default one first: its charges hang on these."""
        ordered = sorted(self.payments, key=lambda payment: not payment.is_default)
        ids = [p.payment_intent_id for p in ordered if p.payment_intent_id]
        return tuple(dict.fromkeys(ids))

    @property
    def latest_charge_id(self) -> str | None:
        """The newest charge of its default payment, of another one where that has none.

        Another one than before means that somebody charged meanwhile.
        """
        ordered = sorted(self.payments, key=lambda payment: not payment.is_default)
        return next((p.charge_id for p in ordered if p.charge_id), None)

    @property
    def card_choice(self) -> CardChoice | None:
        """What the next charge will use, by Stripe's order of precedence.

        https://docs.stripe.com/billing/revenue-recovery/smart-retries (April 2026)
        and the SDK's remarks on Invoice and Subscription.default_payment_method.
        """
        own = self.subscription
        ladder = (
            (self.default_payment_method, "invoice"),
            (self.default_source, "invoice"),
            (own.default_payment_method if own else None, "subscription"),
            (own.default_source if own else None, "subscription"),
            (self.customer.default_payment_method, "customer"),
            (self.customer.default_source, "customer"),
        )
        return next((CardChoice(id, on) for id, on in ladder if id), None)

    @property
    def is_card_trap(self) -> bool:
        """The customer's default is another one than the card that will be charged."""
        choice = self.card_choice
        newer = self.customer.default_payment_method or self.customer.default_source
        return choice is not None and newer is not None and newer != choice.id


@dataclass(frozen=True, slots=True)
class PaymentMethodSnapshot:
    """A saved card (or other method) of a customer."""

    id: str
    kind: str | None = None  # "card", ...
    customer_id: str | None = None
    card: Card = field(default_factory=Card)
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None

    @property
    def card_expiry(self) -> str | None:
        """Year and month, such as "2027-04"."""
        return expiry(self.exp_year, self.exp_month)


def expiry(year: int | None, month: int | None) -> str | None:
    """A card's expiry in one sortable word."""
    return f"{year:04d}-{month:02d}" if year and month else None


@dataclass(frozen=True, slots=True)
class ChargeSnapshot:
    """One charge, refused or not, whoever made it."""

    id: str
    status: str | None  # succeeded, pending, failed
    livemode: bool
    created: datetime | None = None
    amount: int = 0
    currency: str = ""
    paid: bool = False
    customer_id: str | None = None
    payment_intent_id: str | None = None
    payment_method_id: str | None = None
    payment_method_kind: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    outcome_reason: str | None = None
    codes: Codes = field(default_factory=Codes)
    card: Card = field(default_factory=Card)
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None

    @property
    def card_expiry(self) -> str | None:
        """Year and month, such as "2027-04"."""
        return expiry(self.exp_year, self.exp_month)

    @property
    def is_declined(self) -> bool:
        """Refused, by the issuer, the network or Stripe."""
        return self.status == "failed"


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Where Stripe sends events; `secret` is told once, when it is created."""

    id: str
    url: str = ""
    status: str | None = None  # enabled, disabled
    events: tuple[str, ...] = ()
    api_version: str | None = None
    livemode: bool = False
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class EventEnvelope:
    """What an event says on its outside; `payload` is the JSON text as it came.

    The object's ids are hints about where to look, never the truth. `changed` names
    the top-level fields of the object that an update touched.
    """

    id: str
    type: str
    livemode: bool
    created: datetime
    account: str | None = None
    api_version: str | None = None
    object_id: str | None = None
    object_kind: str | None = None
    customer_id: str | None = None
    subscription_id: str | None = None
    billing_reason: str | None = None  # of an invoice
    payment_intent_id: str | None = None
    attempt_count: int | None = None  # of an invoice
    changed: tuple[str, ...] = ()
    request_id: str | None = None  # None: Stripe acted by itself
    request_idempotency_key: str | None = None
    payload: str = field(default="", repr=False)
