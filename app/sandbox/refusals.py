"""The 402 that a declined charge answers with."""

from app.sandbox.answers import Refused
from app.sandbox.errors import ApiError, Obj


def error_fields(answer: Refused, *, charge: str | None, payment_method: Obj) -> Obj:
    """Return what `last_payment_error` and the 402's `error` have in common."""
    return {
        "advice_code": answer.advice_code,
        "charge": charge,
        "code": answer.code,
        "decline_code": answer.decline_code,
        "message": answer.message,
        "network_advice_code": answer.network_advice_code,
        "network_decline_code": answer.network_decline_code,
        "payment_method": payment_method,
        "payment_method_type": "card",
        "type": "card_error",
    }


def card_error(
    answer: Refused,
    *,
    payment_method: Obj,
    charge: str | None = None,
    payment_intent: Obj | None = None,
) -> ApiError:
    """Return the 402 with every field Stripe's carries."""
    fields = error_fields(answer, charge=charge, payment_method=payment_method)
    return ApiError(402, {**fields, "payment_intent": payment_intent})
