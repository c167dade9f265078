"""What an issuer (or Stripe in its place) can answer to a charge.

Codes: https://docs.stripe.com/declines/codes and /declines/card; network codes as
listed by IanFoxDev/decline-codes (2026-10) and the networks' public rule extracts.
"""

from dataclasses import dataclass, replace
from typing import Any

from app.sandbox.errors import Obj, bad_parameter

# error.code is the decline code itself for these, else `card_declined`.
OWN_ERROR_CODE = frozenset(
    {
        "authentication_required",
        "expired_card",
        "incorrect_cvc",
        "incorrect_number",
        "incorrect_zip",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "processing_error",
    }
)
MESSAGES = {
    "authentication_required": "Your card was declined. This transaction requires "
    "authentication.",
    "card_velocity_exceeded": "Your card was declined for making repeated attempts "
    "too frequently or exceeding its amount limit.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "incorrect_number": "Your card number is incorrect.",
    "insufficient_funds": "Your card has insufficient funds.",
    "processing_error": "An error occurred while processing your card. Try again in a "
    "little bit.",
}
# Stripe's advice code where it usually gives one.
ADVICE = {
    "card_velocity_exceeded": "try_again_later",
    "expired_card": "confirm_card_data",
    "incorrect_cvc": "confirm_card_data",
    "incorrect_number": "confirm_card_data",
    "incorrect_zip": "confirm_card_data",
    "insufficient_funds": "try_again_later",
    "invalid_account": "do_not_try_again",
    "issuer_not_available": "try_again_later",
    "lost_card": "do_not_try_again",
    "pickup_card": "do_not_try_again",
    "processing_error": "try_again_later",
    "reenter_transaction": "try_again_later",
    "revocation_of_all_authorizations": "do_not_try_again",
    "revocation_of_authorization": "do_not_try_again",
    "stolen_card": "do_not_try_again",
    "stop_payment_order": "do_not_try_again",
    "try_again_later": "try_again_later",
}
NETWORK_CODES = {
    "authentication_required": "1A",
    "call_issuer": "01",
    "card_velocity_exceeded": "65",
    "do_not_honor": "05",
    "expired_card": "54",
    "generic_decline": "05",
    "incorrect_cvc": "N7",
    "incorrect_number": "14",
    "insufficient_funds": "51",
    "invalid_account": "14",
    "issuer_not_available": "91",
    "lost_card": "41",
    "pickup_card": "04",
    "processing_error": "96",
    "restricted_card": "62",
    "revocation_of_all_authorizations": "R3",
    "revocation_of_authorization": "R1",
    "stolen_card": "43",
    "stop_payment_order": "R0",
    "transaction_not_allowed": "57",
    "withdrawal_count_limit_exceeded": "61",
}
# Mastercard folds card-not-present declines into three groups; Amex has its own list.
MASTERCARD_CODES = {
    "do_not_honor": "82",
    "expired_card": "79",
    "generic_decline": "82",
    "incorrect_number": "79",
    "invalid_account": "79",
    "lost_card": "83",
    "restricted_card": "82",
    "revocation_of_authorization": "82",
    "stolen_card": "83",
    "transaction_not_allowed": "82",
}
AMEX_CODES = {"expired_card": "101", "insufficient_funds": "116"}
BLOCKED_REASONS = frozenset(
    {
        "highest_risk_level",
        "low_probability_of_authorization",
        "previously_declined_do_not_retry",
        "rule",
    }
)


@dataclass(frozen=True, slots=True)
class Approved:
    pass


@dataclass(frozen=True, slots=True)
class Processing:
    """Accepted, outcome later: what a bank debit does."""

    seconds: int
    then: "Answer"


@dataclass(frozen=True, slots=True)
class Refused:
    """A declined charge; `blocked` says that Stripe refused and asked no bank."""

    decline_code: str
    code: str
    message: str
    reason: str
    advice_code: str | None = None
    network_advice_code: str | None = None
    network_decline_code: str | None = None
    blocked: bool = False


Answer = Approved | Processing | Refused
Brand = str


def refused(
    decline_code: str,
    *,
    brand: Brand,
    network_advice_code: str | None = None,
    advice_code: str | None = None,
) -> Refused:
    """Return a refusal with the codes that usually come with this decline code."""
    own = decline_code in OWN_ERROR_CODE
    return Refused(
        decline_code=decline_code,
        code=decline_code if own else "card_declined",
        message=MESSAGES.get(decline_code, "Your card was declined."),
        reason=decline_code,
        advice_code=advice_code or ADVICE.get(decline_code),
        network_advice_code=network_advice_code,
        network_decline_code=_network_code(decline_code, brand),
    )


def blocked(reason: str) -> Refused:
    """Return a refusal by Stripe itself: the issuer never saw the charge."""
    radar = reason in ("highest_risk_level", "rule")
    return Refused(
        decline_code="fraudulent" if radar else "generic_decline",
        code="card_declined",
        message="Your card was declined.",
        reason=reason,
        blocked=True,
    )


def _network_code(decline_code: str, brand: Brand) -> str | None:
    if brand == "amex":
        return AMEX_CODES.get(decline_code, "100")
    if brand == "mastercard" and decline_code in MASTERCARD_CODES:
        return MASTERCARD_CODES[decline_code]
    return NETWORK_CODES.get(decline_code)


FIELDS = frozenset(Refused.__dataclass_fields__)


def read_answer(told: Any, *, brand: Brand) -> Answer:
    """Return the answer a script names: a word, or an object with single fields.

    Words: `approve`, a decline code, a reason of BLOCKED_REASONS, `mac:NN` for a
    Mastercard advice code. Objects: {"decline_code": ...} and any field of Refused,
    or {"processing": seconds, "then": answer}.
    """
    if isinstance(told, str):
        return _read_word(told, brand=brand)
    if not isinstance(told, dict):
        raise bad_parameter(f"Not an answer: {told!r}", param="answers")
    if "processing" in told:
        then = read_answer(told.get("then", "approve"), brand=brand)
        return Processing(seconds=int(told["processing"]), then=then)
    return _read_fields(told, brand=brand)


def _read_word(word: str, *, brand: Brand) -> Answer:
    if word == "approve":
        return Approved()
    if word in BLOCKED_REASONS:
        return blocked(word)
    if word.startswith("mac:"):
        return mastercard_advice(word.removeprefix("mac:"))
    return refused(word, brand=brand)


def _read_fields(told: Obj, *, brand: Brand) -> Answer:
    unknown = set(told) - FIELDS
    if unknown:
        raise bad_parameter(f"Unknown fields: {sorted(unknown)}", param="answers")
    if told.get("blocked"):
        usual = blocked(told.get("reason", "highest_risk_level"))
    else:
        usual = refused(told.get("decline_code", "generic_decline"), brand=brand)
    return replace(usual, **told)


def mastercard_advice(advice: str) -> Refused:
    """Return the decline that usually carries this merchant advice code."""
    code = "insufficient_funds" if "24" <= advice <= "30" else "do_not_honor"
    never = advice in ("03", "21", "42")
    return refused(
        code,
        brand="mastercard",
        network_advice_code=advice,
        advice_code="do_not_try_again" if never else "try_again_later",
    )
