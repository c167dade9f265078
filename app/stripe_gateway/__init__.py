"""The one door to Stripe: only this package knows its API, only values leave it.

The rest of the app imports from here: `Gateway` to ask, the troubles to expect.
"""

from app.stripe_gateway.connection import (
    Call,
    HttpClient,
    Observer,
    Pacer,
    new_http_client,
)
from app.stripe_gateway.credentials import Credentials
from app.stripe_gateway.envelopes import NotAnEvent, reopened
from app.stripe_gateway.errors import (
    CredentialsRefused,
    Gone,
    InFlight,
    KeyReused,
    PermissionMissing,
    RateLimited,
    Refused,
    StripeTrouble,
    StripeUnavailable,
    redacted,
)
from app.stripe_gateway.gateway import StripeGateway
from app.stripe_gateway.permissions import (
    PROBES,
    PermissionCheck,
    PermissionStatus,
)
from app.stripe_gateway.platform import (
    ConnectedAccount,
    ConnectPlatform,
    Landing,
    OAuthRefused,
)
from app.stripe_gateway.port import Gateway
from app.stripe_gateway.signature import BadSignature, verified

__all__ = [
    "PROBES",
    "BadSignature",
    "Call",
    "ConnectPlatform",
    "ConnectedAccount",
    "Credentials",
    "CredentialsRefused",
    "Gateway",
    "Gone",
    "HttpClient",
    "InFlight",
    "KeyReused",
    "Landing",
    "NotAnEvent",
    "OAuthRefused",
    "Observer",
    "Pacer",
    "PermissionCheck",
    "PermissionMissing",
    "PermissionStatus",
    "RateLimited",
    "Refused",
    "StripeGateway",
    "StripeTrouble",
    "StripeUnavailable",
    "new_http_client",
    "redacted",
    "reopened",
    "verified",
]
