"""Accounts, customers and their saved cards, as values."""

from zoneinfo import ZoneInfo

from app.domain.cases import Card
from app.domain.snapshots import (
    AccountSnapshot,
    CustomerSnapshot,
    PaymentMethodSnapshot,
    WebhookEndpoint,
)
from app.stripe_gateway.fields import Json, flag, number, part, reference, text

# Where merchants note a customer's zone; Stripe itself knows none.
ZONE_KEYS = ("timezone", "time_zone", "tz")
# As much as is kept (storage.models). The first six digits beside the last four are
# what may be kept of any network's number, more only of some (PCI SSC, FAQ 1091).
ISSUER_LENGTH = 100
IIN_DIGITS = 6


def account(json: Json, *, livemode: bool) -> AccountSnapshot:
    """An account; Stripe does not write the mode on it, the key has it."""
    name = text(json, "settings", "dashboard", "display_name")
    name = name or text(json, "business_profile", "name") or text(json, "email")
    return AccountSnapshot(
        id=text(json, "id") or "",
        livemode=livemode,
        name=name or "",
        country=text(json, "country"),
        default_currency=text(json, "default_currency"),
        timezone=zone(text(json, "settings", "dashboard", "timezone")),
    )


def customer(json: object) -> CustomerSnapshot:
    """A customer, or only the id where Stripe sent nothing else."""
    if not isinstance(json, dict):
        return CustomerSnapshot(id=json if isinstance(json, str) else "")
    noted = (text(json, "metadata", key) for key in ZONE_KEYS)
    locales = json.get("preferred_locales")
    locale = locales[0] if isinstance(locales, list) and locales else None
    country = text(json, "address", "country")
    return CustomerSnapshot(
        id=text(json, "id") or "",
        name=text(json, "name") or "",
        email=text(json, "email") or "",
        country=country or text(json, "shipping", "address", "country"),
        timezone=next((name for name in map(zone, noted) if name), None),
        locale=locale if isinstance(locale, str) else None,
        default_payment_method=reference(
            json, "invoice_settings", "default_payment_method"
        ),
        default_source=reference(json, "default_source"),
        is_deleted=flag(json, "deleted"),
    )


def payment_method(json: Json) -> PaymentMethodSnapshot:
    """A saved payment method."""
    found = part(json, "card")
    return PaymentMethodSnapshot(
        id=text(json, "id") or "",
        kind=text(json, "type"),
        customer_id=reference(json, "customer"),
        card=card(found),
        last4=text(found, "last4"),
        exp_month=number(found, "exp_month"),
        exp_year=number(found, "exp_year"),
    )


def card(json: Json) -> Card:
    """The card in a charge or in a payment method; empty for other methods."""
    return Card(
        brand=text(json, "brand"),
        network=text(json, "network") or text(json, "networks", "preferred"),
        funding=text(json, "funding"),
        country=text(json, "country"),
        fingerprint=text(json, "fingerprint"),
        issuer=(text(json, "issuer") or "")[:ISSUER_LENGTH] or None,
        iin=(text(json, "iin") or "")[:IIN_DIGITS] or None,
    )


def webhook_endpoint(json: Json) -> WebhookEndpoint:
    """A webhook endpoint; it has its secret only when just created."""
    events = json.get("enabled_events")
    return WebhookEndpoint(
        id=text(json, "id") or "",
        url=text(json, "url") or "",
        status=text(json, "status"),
        events=tuple(map(str, events)) if isinstance(events, list) else (),
        api_version=text(json, "api_version"),
        livemode=flag(json, "livemode"),
        secret=text(json, "secret"),
    )


def zone(name: str | None) -> str | None:
    """`name` if it is an IANA time zone."""
    if not name:
        return None
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, KeyError):
        # ZoneInfoNotFoundError is a KeyError; a folder's name is an OSError.
        return None
