"""The permissions a restricted key needs, and how each is tried without harm.

Writing is tried on an object that cannot exist: Stripe looks at the key before it looks
for the object, so 404 means that the key would have been let through. Slugs: the error
texts and https://docs.stripe.com/keys/permissions-reference; not tried on a real
account when this was written (November 2026).
"""

from dataclasses import dataclass
from enum import StrEnum

from app.stripe_gateway.connection import Connection, path_of
from app.stripe_gateway.errors import (
    CredentialsRefused,
    PermissionMissing,
    RateLimited,
    StripeTrouble,
    StripeUnavailable,
)

NOBODY = "metricsco_permission_probe"


class PermissionStatus(StrEnum):
    """What a try showed."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "unknown"  # Stripe did not answer


@dataclass(frozen=True, slots=True)
class PermissionCheck:
    """One permission: its slug, why we want it, and whether the key has it."""

    slug: str
    why: str
    status: PermissionStatus
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Probe:
    """A harmless call that needs exactly this permission."""

    slug: str
    why: str
    path: tuple[str, ...]
    method: str = "get"
    is_required: bool = True


PROBES = (
    Probe("rak_invoice_read", "to see which renewals are unpaid", ("invoices",)),
    Probe(
        "rak_invoice_write",
        "to retry a declined renewal",
        ("invoices", f"in_{NOBODY}", "pay"),
        method="post",
    ),
    Probe("rak_charge_read", "to read why a charge was declined", ("charges",)),
    Probe("rak_payment_intent_read", "to find its charges", ("payment_intents",)),
    Probe("rak_subscription_read", "to stop when one is canceled", ("subscriptions",)),
    Probe(
        "rak_customer_read", "to show who it is and which card counts", ("customers",)
    ),
    Probe(
        "rak_payment_method_read",
        "to notice a new card",
        ("payment_methods", f"pm_{NOBODY}"),
    ),
    Probe("rak_product_read", "to show what is being paid for", ("products",)),
    Probe("rak_plan_read", "to show the price", ("prices",)),
    Probe(
        "rak_event_read",
        "to catch up on missed events",
        ("events",),
        is_required=False,
    ),
    Probe(
        "rak_webhook_write",
        "to set up the webhook for you",
        ("webhook_endpoints", f"we_{NOBODY}"),
        method="delete",
        is_required=False,
    ),
    Probe(
        "rak_customer_portal_write",
        "to send customers to a page for a new card",
        ("billing_portal", "sessions"),
        method="post",
        is_required=False,
    ),
    Probe(
        "rak_connected_account_read",
        "to show the account's name",
        ("account",),
        is_required=False,
    ),
)


def check_permissions(connection: Connection) -> tuple[PermissionCheck, ...]:
    """Try every permission. Raises CredentialsRefused, for then all is void."""
    return tuple(
        PermissionCheck(
            probe.slug, probe.why, _try(connection, probe), probe.is_required
        )
        for probe in PROBES
    )


def lacks(connection: Connection, slug: str | None) -> bool:
    """Whether the key lacks this permission, or, where none is named, one that is
    required. Of one that is not ours to try, or that nobody answers, it is believed."""
    asked = [p for p in PROBES if (p.slug == slug if slug else p.is_required)]
    found = [_try(connection, probe) for probe in asked]
    return not found or any(status is not PermissionStatus.OK for status in found)


def _try(connection: Connection, probe: Probe) -> PermissionStatus:
    path = path_of(*probe.path)
    try:
        if probe.method == "get":
            connection.read("permission", path, **_listing(probe))
        else:
            params = {"customer": f"cus_{NOBODY}"} if "sessions" in probe.path else {}
            connection.write("permission", path, method=probe.method, params=params)
    except PermissionMissing:
        return PermissionStatus.MISSING
    except CredentialsRefused:
        raise
    except (StripeUnavailable, RateLimited):
        return PermissionStatus.UNKNOWN
    except StripeTrouble:
        # Gone or refused: the key was let through, there was only nothing to do.
        return PermissionStatus.OK
    return PermissionStatus.OK


def _listing(probe: Probe) -> dict[str, object]:
    """A list is asked for one object only; a single object takes no limit."""
    single = len(probe.path) > 1 or probe.path == ("account",)
    return {} if single else {"limit": 1}
