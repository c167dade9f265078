"""Every address of the API that the sandbox answers, and what it needs."""

from dataclasses import dataclass

from app.sandbox import (
    catalog,
    customers,
    endpoints,
    invoices,
    payment_methods,
    subscriptions,
)
from app.sandbox.accounts import account_object
from app.sandbox.calls import Call, Handler
from app.sandbox.errors import Obj
from app.sandbox.permissions import no_access


@dataclass(frozen=True, slots=True)
class Route:
    """`params` names the class in stripe.params that its parameters are held to."""

    method: str
    path: str
    params: str
    permission: str
    handler: Handler


def _the(noun: str) -> Handler:
    return lambda call: call.the(noun)


def _account(call: Call) -> Obj:
    return account_object(call.account)


def _account_named(call: Call) -> Obj:
    """Answer GET /v1/accounts/{id}: the own one, or one that let this platform in."""
    named = call.world.accounts.get(call.ids[0])
    own = call.account.id
    if named is None or (
        named.id != own and (own, call.key.livemode) not in named.granted
    ):
        raise no_access(call.key, call.ids[0])
    return account_object(named)


ROUTES = [
    Route(
        "GET",
        "/v1/account",
        "AccountRetrieveCurrentParams",
        "connected_account_read",
        _account,
    ),
    Route(
        "GET",
        "/v1/accounts/{id}",
        "AccountRetrieveParams",
        "connected_account_read",
        _account_named,
    ),
    Route(
        "POST",
        "/v1/customers",
        "CustomerCreateParams",
        "customer_write",
        customers.create_customer,
    ),
    Route(
        "GET",
        "/v1/customers",
        "CustomerListParams",
        "customer_read",
        customers.list_customers,
    ),
    Route(
        "GET",
        "/v1/customers/{id}",
        "CustomerRetrieveParams",
        "customer_read",
        customers.retrieve_customer,
    ),
    Route(
        "POST",
        "/v1/customers/{id}",
        "CustomerUpdateParams",
        "customer_write",
        customers.update_customer,
    ),
    Route(
        "DELETE",
        "/v1/customers/{id}",
        "CustomerDeleteParams",
        "customer_write",
        customers.delete_customer,
    ),
    Route(
        "GET",
        "/v1/customers/{id}/payment_methods",
        "CustomerPaymentMethodListParams",
        "payment_method_read",
        payment_methods.list_payment_methods,
    ),
    Route(
        "POST",
        "/v1/payment_methods",
        "PaymentMethodCreateParams",
        "payment_method_write",
        payment_methods.create_payment_method,
    ),
    Route(
        "GET",
        "/v1/payment_methods",
        "PaymentMethodListParams",
        "payment_method_read",
        payment_methods.list_payment_methods,
    ),
    Route(
        "GET",
        "/v1/payment_methods/{id}",
        "PaymentMethodRetrieveParams",
        "payment_method_read",
        _the("payment_method"),
    ),
    Route(
        "POST",
        "/v1/payment_methods/{id}",
        "PaymentMethodUpdateParams",
        "payment_method_write",
        payment_methods.update_payment_method,
    ),
    Route(
        "POST",
        "/v1/payment_methods/{id}/attach",
        "PaymentMethodAttachParams",
        "payment_method_write",
        payment_methods.attach_payment_method,
    ),
    Route(
        "POST",
        "/v1/payment_methods/{id}/detach",
        "PaymentMethodDetachParams",
        "payment_method_write",
        payment_methods.detach_payment_method,
    ),
    Route(
        "POST",
        "/v1/products",
        "ProductCreateParams",
        "product_write",
        catalog.create_product,
    ),
    Route(
        "GET",
        "/v1/products",
        "ProductListParams",
        "product_read",
        catalog.list_products,
    ),
    Route(
        "GET",
        "/v1/products/{id}",
        "ProductRetrieveParams",
        "product_read",
        _the("product"),
    ),
    Route(
        "POST",
        "/v1/products/{id}",
        "ProductUpdateParams",
        "product_write",
        catalog.update_product,
    ),
    Route(
        "POST", "/v1/prices", "PriceCreateParams", "plan_write", catalog.create_price
    ),
    Route("GET", "/v1/prices", "PriceListParams", "plan_read", catalog.list_prices),
    Route("GET", "/v1/prices/{id}", "PriceRetrieveParams", "plan_read", _the("price")),
    Route(
        "POST",
        "/v1/subscriptions",
        "SubscriptionCreateParams",
        "subscription_write",
        subscriptions.create_subscription,
    ),
    Route(
        "GET",
        "/v1/subscriptions",
        "SubscriptionListParams",
        "subscription_read",
        subscriptions.list_subscriptions,
    ),
    Route(
        "GET",
        "/v1/subscriptions/{id}",
        "SubscriptionRetrieveParams",
        "subscription_read",
        _the("subscription"),
    ),
    Route(
        "POST",
        "/v1/subscriptions/{id}",
        "SubscriptionUpdateParams",
        "subscription_write",
        subscriptions.update_subscription,
    ),
    Route(
        "DELETE",
        "/v1/subscriptions/{id}",
        "SubscriptionCancelParams",
        "subscription_write",
        subscriptions.cancel_subscription,
    ),
    Route(
        "POST",
        "/v1/invoiceitems",
        "InvoiceItemCreateParams",
        "invoice_write",
        invoices.create_invoice_item,
    ),
    Route(
        "POST",
        "/v1/invoices",
        "InvoiceCreateParams",
        "invoice_write",
        invoices.create_invoice,
    ),
    Route(
        "GET",
        "/v1/invoices",
        "InvoiceListParams",
        "invoice_read",
        invoices.list_invoices,
    ),
    Route(
        "GET",
        "/v1/invoices/{id}",
        "InvoiceRetrieveParams",
        "invoice_read",
        _the("invoice"),
    ),
    Route(
        "POST",
        "/v1/invoices/{id}",
        "InvoiceUpdateParams",
        "invoice_write",
        invoices.update_invoice,
    ),
    Route(
        "GET",
        "/v1/invoices/{id}/lines",
        "InvoiceListLinesParams",
        "invoice_read",
        invoices.list_lines,
    ),
    Route(
        "POST",
        "/v1/invoices/{id}/pay",
        "InvoicePayParams",
        "invoice_write",
        invoices.pay_invoice,
    ),
    Route(
        "POST",
        "/v1/invoices/{id}/finalize",
        "InvoiceFinalizeInvoiceParams",
        "invoice_write",
        invoices.finalize_invoice,
    ),
    Route(
        "POST",
        "/v1/invoices/{id}/void",
        "InvoiceVoidInvoiceParams",
        "invoice_write",
        invoices.void_invoice,
    ),
    Route(
        "POST",
        "/v1/invoices/{id}/send",
        "InvoiceSendInvoiceParams",
        "invoice_write",
        invoices.send_invoice,
    ),
    Route(
        "POST",
        "/v1/invoices/{id}/mark_uncollectible",
        "InvoiceMarkUncollectibleParams",
        "invoice_write",
        invoices.write_off_invoice,
    ),
    Route(
        "GET",
        "/v1/invoice_payments",
        "InvoicePaymentListParams",
        "invoice_read",
        invoices.list_invoice_payments,
    ),
    Route(
        "GET",
        "/v1/invoice_payments/{id}",
        "InvoicePaymentRetrieveParams",
        "invoice_read",
        _the("invoice_payment"),
    ),
    Route(
        "GET",
        "/v1/payment_intents",
        "PaymentIntentListParams",
        "payment_intent_read",
        invoices.list_payment_intents,
    ),
    Route(
        "GET",
        "/v1/payment_intents/{id}",
        "PaymentIntentRetrieveParams",
        "payment_intent_read",
        _the("payment_intent"),
    ),
    Route(
        "GET", "/v1/charges", "ChargeListParams", "charge_read", invoices.list_charges
    ),
    Route(
        "GET", "/v1/charges/{id}", "ChargeRetrieveParams", "charge_read", _the("charge")
    ),
    Route("GET", "/v1/events", "EventListParams", "event_read", endpoints.list_events),
    Route(
        "GET",
        "/v1/events/{id}",
        "EventRetrieveParams",
        "event_read",
        endpoints.retrieve_event,
    ),
    Route(
        "POST",
        "/v1/webhook_endpoints",
        "WebhookEndpointCreateParams",
        "webhook_write",
        endpoints.create_endpoint,
    ),
    Route(
        "GET",
        "/v1/webhook_endpoints",
        "WebhookEndpointListParams",
        "webhook_read",
        endpoints.list_endpoints,
    ),
    Route(
        "GET",
        "/v1/webhook_endpoints/{id}",
        "WebhookEndpointRetrieveParams",
        "webhook_read",
        _the("webhook_endpoint"),
    ),
    Route(
        "POST",
        "/v1/webhook_endpoints/{id}",
        "WebhookEndpointUpdateParams",
        "webhook_write",
        endpoints.update_endpoint,
    ),
    Route(
        "DELETE",
        "/v1/webhook_endpoints/{id}",
        "WebhookEndpointDeleteParams",
        "webhook_write",
        endpoints.delete_endpoint,
    ),
    Route(
        "POST",
        "/v1/billing_portal/sessions",
        "billing_portal.SessionCreateParams",
        "customer_portal_write",
        endpoints.create_portal_session,
    ),
]
_BY_SHAPE = {(route.method, route.path): route for route in ROUTES}


def route_for(method: str, path: str) -> tuple[Route, list[str]] | None:
    """Return the route and the ids in the path, or None for an unknown address."""
    route = _BY_SHAPE.get((method, path))
    if route:
        return route, []
    parts = path.split("/")
    if len(parts) < 4:
        return None
    shape = "/".join([*parts[:3], "{id}", *parts[4:]])
    route = _BY_SHAPE.get((method, shape))
    return (route, [parts[3]]) if route and parts[3] else None
