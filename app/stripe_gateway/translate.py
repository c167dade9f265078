"""From the SDK's errors to ours, by HTTP status and code; English decides nothing."""

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import stripe
from stripe.oauth_error import OAuthError

from app.stripe_gateway import fields
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
)

# "Having the 'rak_invoice_write' permission would allow this request to continue." and
# "... for this endpoint on account 'acct_1'." Stable for years; only ever displayed.
PERMISSION = re.compile(r"\brak_[a-z0-9_]+")
ACCOUNT = re.compile(r"\bacct_[A-Za-z0-9]+")

# Stripe's answers when a connected account has revoked our access, with HTTP 403.
ACCESS_LOST = ("account_invalid", "api_key_expired", "platform_api_key_expired")
NOT_HERE = ("resource_missing", "livemode_mismatch")
CARD_PARAMS = ("payment_method", "default_payment_method", "source", "default_source")


def error_of(error: stripe.StripeError) -> fields.Json:
    """The error object of an answer.

    It is read from the body, since `error.code` stays None for most error classes.
    """
    return fields.part(error.json_body, "error")


def trouble(error: stripe.StripeError) -> StripeTrouble:
    """What an SDK error means to us."""
    found = error_of(error)
    status = error.http_status
    if status is None:
        return StripeUnavailable("Stripe did not answer.")
    if isinstance(error, OAuthError) and status < 500:
        words = fields.text(error.json_body, "error_description") or ""
        return Refused(words, code=error.code, status=status)
    if not fields.text(found, "type"):
        # Not Stripe's own words: a proxy's page, or an answer cut short.
        return StripeUnavailable("Stripe's answer could not be read.", status=status)
    code = fields.text(found, "code")
    sentence = fields.text(found, "message") or ""
    request_id = error.request_id
    if status == 403 and code not in ACCESS_LOST:
        return PermissionMissing(
            _found(PERMISSION, sentence),
            _found(ACCOUNT, sentence),
            sentence=sentence,
            code=code,
            status=status,
            request_id=request_id,
        )
    if status == 429 or code in ("rate_limit", "lock_timeout"):
        return RateLimited(
            _header(error, "Stripe-Rate-Limited-Reason") or code or "unknown",
            retry_after=_seconds(_header(error, "Retry-After")),
            sentence=sentence,
            code=code,
            status=status,
            request_id=request_id,
        )
    kind = _kind(status, code, fields.text(found, "type"))
    return kind(sentence, code=code, status=status, request_id=request_id)


def _kind(status: int, code: str | None, type: str | None) -> type[StripeTrouble]:
    if status >= 500:
        return StripeUnavailable
    if status == 401 or code in ACCESS_LOST:
        return CredentialsRefused
    if status == 409:
        return InFlight
    if type == "idempotency_error":
        return KeyReused
    if status == 404 or code in NOT_HERE:
        return Gone
    return Refused if status in (400, 402) else StripeUnavailable


def is_about_card(error: stripe.StripeError) -> bool:
    """Whether what Stripe misses is the card, not the object that we asked for."""
    return fields.text(error_of(error), "param") in CARD_PARAMS


def was_replayed(headers: Mapping[str, str] | None) -> bool:
    """Whether Stripe answered from its memory of the idempotency key."""
    return (_value(headers, "Idempotent-Replayed") or "").lower() == "true"


def date_of(headers: Mapping[str, str] | None) -> datetime | None:
    """When the answer was given, by the clock of whoever gave it."""
    try:
        found = parsedate_to_datetime(_value(headers, "Date") or "")
    except ValueError:
        return None
    return found if found.tzinfo else None


def _header(error: stripe.StripeError, name: str) -> str | None:
    return _value(error.headers, name)


def _value(headers: Mapping[str, str] | None, name: str) -> str | None:
    # The SDK hands on requests' mapping, which ignores case; a copy of it would not.
    found = {key.lower(): value for key, value in (headers or {}).items()}
    return found.get(name.lower())


def _seconds(value: str | None) -> float | None:
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < 86_400 else None


def _found(pattern: re.Pattern[str], sentence: str) -> str | None:
    match = pattern.search(sentence)
    return match.group() if match else None
