"""StripeClients that speak to a sandbox."""

import requests
import stripe

from app.sandbox import Sandbox
from app.sandbox.founding import (
    MERCHANT,
    MERCHANT_KEY,
    MERCHANT_SECRET_KEY,
    PLATFORM,
    PLATFORM_KEY,
)

__all__ = [
    "MERCHANT",
    "MERCHANT_KEY",
    "MERCHANT_SECRET_KEY",
    "PLATFORM",
    "PLATFORM_KEY",
    "client_for",
]


def client_for(
    sandbox: Sandbox, key: str, *, session: requests.Session
) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        base_addresses={"api": sandbox.url, "connect": sandbox.url},
        http_client=stripe.RequestsClient(session=session),
    )
