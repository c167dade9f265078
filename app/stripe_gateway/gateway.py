"""Stripe for one merchant: calls go out, values come back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import stripe

from app.domain.pay_results import PayResult
from app.domain.snapshots import (
    AccountSnapshot,
    ChargeSnapshot,
    CustomerSnapshot,
    EventEnvelope,
    InvoiceSnapshot,
    Page,
    PaymentMethodSnapshot,
    PaymentSnapshot,
    SubscriptionSnapshot,
    WebhookEndpoint,
)
from app.stripe_gateway import charges, customers, invoices, permissions, subscriptions
from app.stripe_gateway.connection import (
    TIMEOUT,
    Answer,
    Connection,
    Observer,
    Pacer,
    Timeout,
    expected,
    expected_list,
    new_http_client,
    path_of,
)
from app.stripe_gateway.credentials import Credentials
from app.stripe_gateway.envelopes import envelope_or_none
from app.stripe_gateway.errors import Gone, StripeUnavailable
from app.stripe_gateway.fields import Json, flag, items, part, reference, text
from app.stripe_gateway.paying import pay_result

# Four dotted parts are the most that Stripe expands; one more is refused with
# property_expansion_max_depth (https://docs.stripe.com/api/expanding_objects).
WHOLE_INVOICE = [
    "customer",
    "parent.subscription_details.subscription",
    "payments.data.payment.payment_intent",
]
WHOLE_SUBSCRIPTION = ["customer", "items.data.price.product"]
WHOLE_PAYMENTS = ["data.payment.payment_intent"]
MOST = 100  # objects on one page; Stripe's limit
MOST_TYPES = 20  # event types in one question; Stripe's limit


class StripeGateway:
    """See `Gateway` for what each call promises."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        api_base: str = stripe.DEFAULT_API_BASE,
        connect_base: str = stripe.DEFAULT_CONNECT_API_BASE,
        http_client: stripe.HTTPClient | None = None,
        timeout: Timeout = TIMEOUT,
        observer: Observer | None = None,
        pacer: Pacer | None = None,
    ) -> None:
        self._connection = Connection(
            credentials,
            api_base=api_base,
            connect_base=connect_base,
            http_client=http_client or new_http_client(timeout),
            observer=observer,
            pacer=pacer,
        )

    def account(self) -> AccountSnapshot:
        answer = self._connection.read("account", "/v1/account")
        livemode = self._connection.credentials.livemode
        return customers.account(expected(answer, "account"), livemode=livemode)

    def invoice(self, invoice_id: str) -> InvoiceSnapshot | None:
        json = self._object("invoice", "invoices", invoice_id, expand=WHOLE_INVOICE)
        if json is None:
            return None
        found = invoices.invoice(json, self._payments(json))
        if found.subscription is None and found.subscription_id is not None:
            # An id where its object was asked for: nothing may be decided without it.
            return replace(found, subscription=self.subscription(found.subscription_id))
        return found

    def _payments(self, invoice: Json) -> tuple[PaymentSnapshot, ...]:
        """All payments of the invoice: judging its life by half of them would err."""
        found = part(invoice, "payments")
        if found and not flag(found, "has_more"):
            return invoices.payments(found)
        answer = self._connection.read(
            "invoice_payments",
            "/v1/invoice_payments",
            invoice=text(invoice, "id"),
            expand=WHOLE_PAYMENTS,
            limit=MOST,
        )
        return invoices.payments(expected_list(answer))

    def subscription(self, subscription_id: str) -> SubscriptionSnapshot | None:
        json = self._object(
            "subscription", "subscriptions", subscription_id, expand=WHOLE_SUBSCRIPTION
        )
        return subscriptions.subscription(json) if json else None

    def customer(self, customer_id: str) -> CustomerSnapshot | None:
        json = self._object("customer", "customers", customer_id)
        return customers.customer(json) if json else None

    def payment_method(self, payment_method_id: str) -> PaymentMethodSnapshot | None:
        json = self._object("payment_method", "payment_methods", payment_method_id)
        return customers.payment_method(json) if json else None

    def charge(self, charge_id: str) -> ChargeSnapshot | None:
        json = self._object("charge", "charges", charge_id)
        return charges.charge(json) if json else None

    def charges(self, payment_intent_id: str) -> tuple[ChargeSnapshot, ...]:
        return self._charges(payment_intent=payment_intent_id, limit=MOST)

    def customer_charges(
        self, customer_id: str, *, since: datetime, limit: int = MOST
    ) -> tuple[ChargeSnapshot, ...]:
        return self._charges(
            customer=customer_id, created=_since(since), limit=min(limit, MOST)
        )

    def charges_since(
        self, since: datetime, *, after: str | None = None
    ) -> Page[ChargeSnapshot]:
        answer = self._connection.read(
            "charges",
            "/v1/charges",
            created=_since(since),
            starting_after=after,
            limit=MOST,
        )
        json = expected_list(answer)
        found = tuple(charges.charge(item) for item in items(json, "data"))
        return Page(found, _next_after(json))

    def _charges(self, **params: object) -> tuple[ChargeSnapshot, ...]:
        answer = self._connection.read("charges", "/v1/charges", **params)
        newest_first = [
            charges.charge(item) for item in items(expected_list(answer), "data")
        ]
        return tuple(reversed(newest_first))

    def invoice_id_of(self, payment_intent_id: str) -> str | None:
        payment = {"type": "payment_intent", "payment_intent": payment_intent_id}
        answer = self._connection.read(
            "invoice_payments", "/v1/invoice_payments", payment=payment, limit=1
        )
        found = (
            reference(item, "invoice") for item in items(expected_list(answer), "data")
        )
        return next(found, None)

    def open_invoices(
        self,
        *,
        after: str | None = None,
        created_gte: datetime | None = None,
        limit: int = MOST,
    ) -> Page[InvoiceSnapshot]:
        return self._invoices(
            status="open",
            collection_method="charge_automatically",
            created=_since(created_gte),
            starting_after=after,
            limit=min(limit, MOST),
        )

    def invoices_of(
        self, subscription_id: str, *, after: str | None = None, limit: int = MOST
    ) -> Page[InvoiceSnapshot]:
        return self._invoices(
            subscription=subscription_id, starting_after=after, limit=min(limit, MOST)
        )

    def _invoices(self, **params: object) -> Page[InvoiceSnapshot]:
        answer = self._connection.read("invoices", "/v1/invoices", **params)
        json = expected_list(answer)
        found = tuple(invoices.invoice(item) for item in items(json, "data"))
        return Page(found, _next_after(json))

    def events(
        self,
        types: Sequence[str],
        *,
        created_gte: datetime | None = None,
        after: str | None = None,
    ) -> Page[EventEnvelope]:
        return self._events(types, created=_since(created_gte), starting_after=after)

    def undelivered_events(
        self,
        types: Sequence[str],
        *,
        created_gte: datetime | None = None,
        after: str | None = None,
    ) -> Page[EventEnvelope]:
        return self._events(
            types,
            created=_since(created_gte),
            starting_after=after,
            delivery_success=False,
        )

    def _events(self, types: Sequence[str], **params: object) -> Page[EventEnvelope]:
        if len(types) > MOST_TYPES:
            raise ValueError(f"Stripe takes at most {MOST_TYPES} event types at once")
        answer = self._connection.read(
            "events", "/v1/events", types=list(types), limit=MOST, **params
        )
        json = expected_list(answer)
        found = (envelope_or_none(item) for item in items(json, "data"))
        return Page(tuple(event for event in found if event), _next_after(json))

    def pay(self, invoice_id: str, *, idempotency_key: str) -> PayResult:
        # Nothing is expanded: a permission missing for that must not spoil a charge.
        answer = self._connection.charge(
            "pay",
            path_of("invoices", invoice_id, "pay"),
            params={"off_session": True},
            idempotency_key=idempotency_key,
        )
        return pay_result(answer)

    def create_webhook_endpoint(
        self, url: str, events: Sequence[str], *, connect: bool = False
    ) -> WebhookEndpoint:
        params: dict[str, object] = {
            "url": url,
            "enabled_events": list(events),
            "api_version": stripe.api_version,
            "description": "Metricsco",
        }
        if connect:
            params["connect"] = True
        answer = self._connection.write(
            "webhook_endpoint", "/v1/webhook_endpoints", params=params, repeats=2
        )
        return customers.webhook_endpoint(expected(answer, "webhook_endpoint"))

    def delete_webhook_endpoint(self, endpoint_id: str) -> None:
        path = path_of("webhook_endpoints", endpoint_id)
        self._connection.write("webhook_endpoint", path, method="delete", repeats=2)

    def webhook_endpoints(self) -> tuple[WebhookEndpoint, ...]:
        answer = self._connection.read(
            "webhook_endpoints", "/v1/webhook_endpoints", limit=MOST
        )
        return tuple(
            customers.webhook_endpoint(item)
            for item in items(expected_list(answer), "data")
        )

    def portal_url(self, customer_id: str, return_url: str) -> str:
        answer = self._connection.write(
            "portal",
            "/v1/billing_portal/sessions",
            params={
                "customer": customer_id,
                "return_url": return_url,
                "flow_data": {"type": "payment_method_update"},
            },
            repeats=2,
        )
        url = text(expected(answer, "billing_portal.session"), "url")
        if url is None:
            raise StripeUnavailable("Stripe gave no address for the customer's page.")
        return url

    def check_permissions(self) -> tuple[permissions.PermissionCheck, ...]:
        return permissions.check_permissions(self._connection)

    def lacks_permission(self, slug: str | None) -> bool:
        return permissions.lacks(self._connection, slug)

    def _object(self, kind: str, folder: str, id: str, **params: object) -> Json | None:
        try:
            answer: Answer = self._connection.read(kind, path_of(folder, id), **params)
        except Gone:
            return None
        return expected(answer, kind)


def _since(moment: datetime | None) -> dict[str, int] | None:
    return {"gte": int(moment.timestamp())} if moment else None


def _next_after(json: Json) -> str | None:
    last = None
    for item in items(json, "data"):
        last = text(item, "id") or last
    return last if flag(json, "has_more") else None
