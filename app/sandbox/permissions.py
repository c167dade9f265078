"""Who is asking: API keys, what a restricted key may do, whose account is meant.

Texts: https://docs.stripe.com/keys and the answers quoted in stripe-cli issue 570.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.sandbox.errors import ApiError, forbidden, unauthorized

# The permission that each kind of object needs to be read or written.
PERMISSION_OF = {
    "account": "connected_account",
    "charge": "charge",
    "customer": "customer",
    "event": "event",
    "invoice": "invoice",
    "invoice_payment": "invoice",
    "invoiceitem": "invoice",
    "payment_intent": "payment_intent",
    "payment_method": "payment_method",
    "billing_portal.session": "customer_portal",
    "price": "plan",
    "product": "product",
    "subscription": "subscription",
    "webhook_endpoint": "webhook",
}
ALL_PERMISSIONS = frozenset(
    f"{name}_{way}" for name in PERMISSION_OF.values() for way in ("read", "write")
)


@dataclass(slots=True)
class ApiKey:
    """A secret, restricted or OAuth key. `permissions` None means all of them."""

    secret: str
    account: str
    permissions: set[str] | None = None
    expired: bool = False
    platform: str | None = None  # an OAuth access token: who it was given to

    @property
    def livemode(self) -> bool:
        return self.secret.split("_")[1:2] == ["live"]

    @property
    def masked(self) -> str:
        kind, mode, tail = self.secret.split("_", 2)
        return f"{kind}_{mode}_{'*' * max(len(tail) - 4, 1)}{tail[-4:]}"

    def may(self, permission: str) -> bool:
        """Say whether the key has it; write implies read."""
        if self.permissions is None:
            return True
        writing = permission.removesuffix("_read") + "_write"
        return permission in self.permissions or writing in self.permissions


def plain(permissions: Iterable[str]) -> set[str]:
    """Return the slugs without the `rak_` that Stripe's texts and links carry."""
    return {name.removeprefix("rak_") for name in permissions}


def demand(key: ApiKey, permission: str, *, account_id: str) -> None:
    """Raise Stripe's 403 unless the key has this permission."""
    if not key.may(permission):
        raise forbidden(
            f"The provided key '{key.masked}' does not have the required permissions "
            f"for this endpoint on account '{account_id}'. Having the "
            f"'rak_{permission}' permission would allow this request to continue."
        )


@dataclass(slots=True)
class Keyring:
    """All keys of all accounts."""

    keys: dict[str, ApiKey] = field(default_factory=dict)

    def add(self, key: ApiKey) -> ApiKey:
        self.keys[key.secret] = key
        return key

    def find(self, secret: str | None) -> ApiKey:
        """Return the key, or raise Stripe's 401."""
        if not secret:
            raise unauthorized(
                "You did not provide an API key. You need to provide your API key in "
                "the Authorization header, using Bearer auth (e.g. 'Authorization: "
                "Bearer YOUR_SECRET_KEY')."
            )
        key = self.keys.get(secret)
        if key is None:
            raise unauthorized(f"Invalid API Key provided: {_masked(secret)}")
        if key.expired:
            raise unauthorized(
                f"Expired API Key provided: {key.masked}", code="api_key_expired"
            )
        return key

    def of(self, account_id: str) -> list[ApiKey]:
        return [key for key in self.keys.values() if key.account == account_id]


def _masked(secret: str) -> str:
    return f"{secret[:8]}{'*' * max(len(secret) - 12, 1)}{secret[-4:]}"


def no_connect_permissions(key: ApiKey) -> ApiError:
    return forbidden(
        f"The provided key '{key.masked}' does not have any Connect permissions."
    )


def no_access(key: ApiKey, account_id: str) -> ApiError:
    """Return the answer to a Stripe-Account that this key may not act for."""
    return forbidden(
        f"The provided key '{key.masked}' does not have access to account "
        f"'{account_id}' (or that account does not exist). Application access may "
        "have been revoked.",
        code="account_invalid",
    )
