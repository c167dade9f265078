"""Where things stand in Stripe's Dashboard. Stripe moves them: STRIPE_LINKS overrides.

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


def stripe_link(name: str, *, livemode: bool = True, id: str = "") -> str:
    """The address of a page of Stripe's Dashboard, in the right mode."""
    own = dict(current.config().stripe_links).get(name)
    if own:
        return own.replace("{id}", id)
    address = _LINKS[name].replace("{id}", id)
    return address if livemode else address.replace(_DASHBOARD, f"{_DASHBOARD}test/")
