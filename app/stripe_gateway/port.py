"""What the rest of the app may ask of Stripe, and nothing more.

Every call may raise `StripeTrouble` (see errors.py). Reading one object that does not
exist gives None; everything else about it raises `Gone`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from app.domain.pay_results import PayResult
from app.domain.snapshots import (
    AccountSnapshot,
    ChargeSnapshot,
    CustomerSnapshot,
    EventEnvelope,
    InvoiceSnapshot,
    Page,
    PaymentMethodSnapshot,
    SubscriptionSnapshot,
    WebhookEndpoint,
)
from app.stripe_gateway.permissions import PermissionCheck


class Gateway(Protocol):
    """One merchant's Stripe account."""

    def account(self) -> AccountSnapshot:
        """The account itself; raises PermissionMissing, which names its id."""
        ...

    def invoice(self, invoice_id: str) -> InvoiceSnapshot | None:
        """The whole invoice: customer, subscription and payments, in one read."""
        ...

    def subscription(self, subscription_id: str) -> SubscriptionSnapshot | None:
        """The subscription with its customer and its product's name."""
        ...

    def customer(self, customer_id: str) -> CustomerSnapshot | None:
        """The customer with the default card."""
        ...

    def payment_method(self, payment_method_id: str) -> PaymentMethodSnapshot | None:
        """The saved card."""
        ...

    def charge(self, charge_id: str) -> ChargeSnapshot | None:
        """One charge."""
        ...

    def charges(self, payment_intent_id: str) -> tuple[ChargeSnapshot, ...]:
        """Every charge of a payment, refused ones too, oldest first."""
        ...

    def customer_charges(
        self, customer_id: str, *, since: datetime, limit: int = 100
    ) -> tuple[ChargeSnapshot, ...]:
        """The customer's newest charges since then (at most 100), oldest first."""
        ...

    def charges_since(
        self, since: datetime, *, after: str | None = None
    ) -> Page[ChargeSnapshot]:
        """All charges of the account since then, newest first, one page."""
        ...

    def invoice_id_of(self, payment_intent_id: str) -> str | None:
        """The invoice that a payment is for; charges and intents no longer say."""
        ...

    def open_invoices(
        self,
        *,
        after: str | None = None,
        created_gte: datetime | None = None,
        limit: int = 100,
    ) -> Page[InvoiceSnapshot]:
        """Extracts of the open invoices that are charged automatically."""
        ...

    def invoices_of(
        self, subscription_id: str, *, after: str | None = None, limit: int = 100
    ) -> Page[InvoiceSnapshot]:
        """Extracts of a subscription's invoices, newest first."""
        ...

    def events(
        self,
        types: Sequence[str],
        *,
        created_gte: datetime | None = None,
        after: str | None = None,
    ) -> Page[EventEnvelope]:
        """Events of at most 20 types, newest first; Stripe keeps them for 30 days."""
        ...

    def undelivered_events(
        self,
        types: Sequence[str],
        *,
        created_gte: datetime | None = None,
        after: str | None = None,
    ) -> Page[EventEnvelope]:
        """Those of `events` that did not (yet) arrive at every endpoint."""
        ...

    def pay(self, invoice_id: str, *, idempotency_key: str) -> PayResult:
        """Charge the invoice now, without the customer, at most once for this key.

        The only call that takes money. After StripeUnavailable or InFlight nobody
        knows: read the invoice, or ask again with the same key.
        """
        ...

    def create_webhook_endpoint(
        self, url: str, events: Sequence[str], *, connect: bool = False
    ) -> WebhookEndpoint:
        """A new endpoint with its secret; `connect` for connected accounts' events."""
        ...

    def delete_webhook_endpoint(self, endpoint_id: str) -> None:
        """The endpoint is gone; raises Gone if it was already."""
        ...

    def webhook_endpoints(self) -> tuple[WebhookEndpoint, ...]:
        """The endpoints there are, without their secrets."""
        ...

    def portal_url(self, customer_id: str, return_url: str) -> str:
        """A short-lived page where this customer can replace the card."""
        ...

    def check_permissions(self) -> tuple[PermissionCheck, ...]:
        """Each permission we need, tried by a call that changes nothing."""
        ...

    def lacks_permission(self, slug: str | None) -> bool:
        """Whether the key lacks it; with None, any that is required."""
        ...
