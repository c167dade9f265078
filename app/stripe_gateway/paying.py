"""What Stripe's answer to "pay this invoice now" means."""

from app.domain.pay_results import (
    Declined,
    NeedsAction,
    NotPayable,
    NotPayableKind,
    Paid,
    PayResult,
    Processing,
)
from app.stripe_gateway.charges import codes_of_error
from app.stripe_gateway.connection import Answer, expected
from app.stripe_gateway.errors import StripeUnavailable, redacted
from app.stripe_gateway.fields import Json, number, reference, text

CARD_ERROR = "card_error"
# "Cannot charge a customer that has no active card", "No such PaymentMethod".
NO_CARD = ("missing", "resource_missing")
ACTION_CODES = (
    "authentication_required",
    "invoice_payment_intent_requires_action",
    "payment_intent_action_required",
)
# Stripe has no dependable code for these, so they are hints from its English and
# decide nothing: whoever gets one reads the invoice again.
HINTS = (
    ("already paid", NotPayableKind.ALREADY_PAID),
    ("voided", NotPayableKind.VOID),
    ("can no longer be paid", NotPayableKind.DEAD),
    ("status of canceled", NotPayableKind.DEAD),
    ("default_payment_method", NotPayableKind.NO_PAYMENT_METHOD),
    ("no active card", NotPayableKind.NO_PAYMENT_METHOD),
)


def pay_result(answer: Answer) -> PayResult:
    """The result in an answer; an unreadable one raises StripeUnavailable."""
    if answer.is_refusal:
        return _refusal(answer.json, replayed=answer.replayed)
    json = expected(answer, "invoice")
    status = text(json, "status")
    if status == "paid":
        paid = number(json, "amount_paid") or 0
        currency = text(json, "currency") or ""
        return Paid(paid, currency, replayed=answer.replayed)
    return Processing(status, replayed=answer.replayed)


def _refusal(error: Json, *, replayed: bool) -> PayResult:
    if not text(error, "type"):
        raise StripeUnavailable("Stripe's answer could not be read.")
    code = text(error, "code")
    message = redacted(text(error, "message") or "")
    if code in NO_CARD:
        hint = NotPayableKind.NO_PAYMENT_METHOD
        return NotPayable(hint, code, message, replayed=replayed)
    if text(error, "type") != CARD_ERROR:
        return NotPayable(_hint(message), code, message, replayed=replayed)
    asks = code in ACTION_CODES or text(error, "decline_code") in ACTION_CODES
    kind = NeedsAction if asks else Declined
    return kind(
        codes=codes_of_error(error),
        error_code=code,
        message=message,
        charge_id=_charge_id(error),
        payment_intent_id=reference(error, "payment_intent"),
        payment_method_id=reference(error, "payment_method"),
        replayed=replayed,
    )


def _charge_id(error: Json) -> str | None:
    latest = reference(error, "payment_intent", "latest_charge")
    return reference(error, "charge") or latest


def _hint(message: str) -> NotPayableKind:
    lowered = message.lower()
    found = (kind for words, kind in HINTS if words in lowered)
    return next(found, NotPayableKind.OTHER)
