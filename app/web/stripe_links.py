"""Where things stand in Stripe's Dashboard, and what they are called there. Stripe
moves them: STRIPE_LINKS overrides.

Seen in Stripe's documentation and in guides of others between April and September
2026; none is promised by Stripe to stay.
"""

from app import current

_LINKS = {
    "retries": "https://dashboard.stripe.com/revenue_recovery/retries",
    "failed_payments": "https://dashboard.stripe.com/settings/billing/automatic",
    "invoices": "https://dashboard.stripe.com/settings/billing/invoice",
    "portal": "https://dashboard.stripe.com/settings/billing/portal",
    "new_key": "https://dashboard.stripe.com/apikeys/create?name=Metricsco",
    "webhooks": "https://dashboard.stripe.com/webhooks",
    "invoice": "https://dashboard.stripe.com/invoices/{id}",
    "subscription": "https://dashboard.stripe.com/subscriptions/{id}",
}
_DASHBOARD = "https://dashboard.stripe.com/"
# The rows of the page that makes a key, which does not show the slugs.
_RESOURCES = {
    "invoice": "Invoices",
    "charge": "Charges and Refunds",
    "payment_intent": "PaymentIntents",
    "subscription": "Subscriptions",
    "customer": "Customers",
    "payment_method": "PaymentMethods",
    "product": "Products",
    "plan": "Prices (Plans)",
    "event": "Events",
    "webhook": "Webhook endpoints",
    "customer_portal": "Customer portal",
    "connected_account": "Connected accounts (your account)",
}


def permission_name(slug: str) -> str:
    """What Stripe's page calls it: `rak_invoice_write` is "Invoices: Write"."""
    resource, _, level = slug.removeprefix("rak_").rpartition("_")
    name = _RESOURCES.get(resource)
    return f"{name}: {level.capitalize()}" if name else slug


def stripe_link(name: str, *, livemode: bool = True, id: str = "") -> str:
    """The address of a page of Stripe's Dashboard, in the right mode."""
    own = dict(current.config().stripe_links).get(name)
    if own:
        return own.replace("{id}", id)
    address = _LINKS[name].replace("{id}", id)
    return address if livemode else address.replace(_DASHBOARD, f"{_DASHBOARD}test/")
