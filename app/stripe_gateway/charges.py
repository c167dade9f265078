"""Charges, and what was said with a refusal, as values."""

from app.domain.declines import Codes
from app.domain.snapshots import ChargeSnapshot
from app.stripe_gateway.customers import card
from app.stripe_gateway.fields import Json, flag, moment, number, part, reference, text

# This failure code only says that there is a decline code elsewhere.
SAYS_NOTHING = "card_declined"


def charge(json: Json) -> ChargeSnapshot:
    """A charge of any outcome."""
    method = part(json, "payment_method_details")
    found = part(method, "card")
    return ChargeSnapshot(
        id=text(json, "id") or "",
        status=text(json, "status"),
        livemode=flag(json, "livemode"),
        created=moment(json, "created"),
        amount=number(json, "amount") or 0,
        currency=text(json, "currency") or "",
        paid=flag(json, "paid"),
        customer_id=reference(json, "customer"),
        payment_intent_id=reference(json, "payment_intent"),
        payment_method_id=reference(json, "payment_method"),
        payment_method_kind=text(method, "type"),
        failure_code=text(json, "failure_code"),
        failure_message=text(json, "failure_message"),
        outcome_reason=text(json, "outcome", "reason"),
        codes=codes_of_charge(json),
        card=card(found),
        last4=text(found, "last4"),
        exp_month=number(found, "exp_month"),
        exp_year=number(found, "exp_year"),
    )


def codes_of_charge(json: Json) -> Codes:
    """A charge's decline code is its outcome's reason, or else its failure code.

    On a charge that passed, the reason is Stripe's remark on risk and no decline code.
    """
    outcome = part(json, "outcome")
    code = text(outcome, "reason") or _telling(text(json, "failure_code"))
    return Codes(
        decline_code=code if text(json, "status") == "failed" else None,
        advice_code=text(outcome, "advice_code"),
        network_decline_code=text(outcome, "network_decline_code"),
        network_advice_code=text(outcome, "network_advice_code"),
        outcome_type=text(outcome, "type"),
        network_status=text(outcome, "network_status"),
        network=text(json, "payment_method_details", "card", "network"),
    )


def codes_of_error(json: Json) -> Codes:
    """The codes in the error of a refused call, or in an intent's last error.

    The outcome and the network are only on the charge.
    """
    code = text(json, "decline_code") or _telling(text(json, "code"))
    return Codes(
        decline_code=code,
        advice_code=text(json, "advice_code"),
        network_decline_code=text(json, "network_decline_code"),
        network_advice_code=text(json, "network_advice_code"),
    )


def _telling(code: str | None) -> str | None:
    return None if code == SAYS_NOTHING else code
