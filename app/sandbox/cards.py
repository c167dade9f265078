"""Payment methods: Stripe's test ids, and cards made for seeded customers.

Test ids: https://docs.stripe.com/testing (copy of 2026).
"""

from dataclasses import dataclass

from app.sandbox.answers import Answer, Approved, blocked, refused
from app.sandbox.errors import Obj


@dataclass(frozen=True, slots=True)
class Card:
    """The plain facts of a card, and how it behaves.

    Behaviours: "approve"; "decline:CODE" at once, so that it cannot be saved to a
    customer; "always:CODE" saves and then declines; "block:REASON"; "authenticate".
    """

    brand: str = "visa"
    last4: str = "4242"
    funding: str = "credit"
    country: str = "US"
    behaviour: str = "approve"
    issuer: str | None = None
    iin: str | None = None


# What Stripe shows on some accounts only.
SHOWN_TO_SOME = ("issuer", "iin")
TEST_CARDS = {
    "pm_card_visa": Card(),
    "pm_card_visa_debit": Card(last4="5556", funding="debit"),
    "pm_card_mastercard": Card(brand="mastercard", last4="4444"),
    "pm_card_mastercard_debit": Card(brand="mastercard", last4="8210", funding="debit"),
    "pm_card_mastercard_prepaid": Card(
        brand="mastercard", last4="5100", funding="prepaid"
    ),
    "pm_card_amex": Card(brand="amex", last4="8431"),
    "pm_card_discover": Card(brand="discover", last4="9424"),
    "pm_card_diners": Card(brand="diners", last4="3237"),
    "pm_card_jcb": Card(brand="jcb", last4="0505", country="JP"),
    "pm_card_unionpay": Card(brand="unionpay", last4="0005", country="CN"),
    "pm_card_us": Card(),
    "pm_card_gb": Card(
        last4="0000", country="GB", issuer="Test Bank of Britain", iin="400082"
    ),
    "pm_card_de": Card(
        last4="0016", country="DE", issuer="Test Bank of Germany", iin="400027"
    ),
    "pm_card_fr": Card(last4="0003", country="FR"),
    "pm_card_ca": Card(last4="0000", country="CA"),
    "pm_card_br": Card(last4="0002", country="BR"),
    "pm_card_in": Card(last4="0008", country="IN"),
    "pm_card_jp": Card(last4="0003", country="JP"),
    "pm_card_au": Card(last4="0006", country="AU"),
    # Saves fine, then every charge fails: the one for renewals.
    "pm_card_chargeCustomerFail": Card(
        last4="0341", behaviour="always:generic_decline"
    ),
    "pm_card_authenticationRequired": Card(last4="3184", behaviour="authenticate"),
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        last4="3178", behaviour="authenticate:insufficient_funds"
    ),
    "pm_card_riskLevelHighest": Card(
        last4="4954", behaviour="block:highest_risk_level"
    ),
    "pm_card_radarBlock": Card(last4="0019", behaviour="block:highest_risk_level"),
    "pm_card_chargeDeclinedExpiredCard": Card(
        last4="0069", behaviour="decline:expired_card"
    ),
    "pm_card_chargeDeclinedIncorrectCvc": Card(
        last4="0127", behaviour="decline:incorrect_cvc"
    ),
    "pm_card_chargeDeclinedProcessingError": Card(
        last4="0119", behaviour="decline:processing_error"
    ),
}
DECLINED_VISAS = {
    "": ("0002", "generic_decline"),
    "InsufficientFunds": ("9995", "insufficient_funds"),
    "LostCard": ("9987", "lost_card"),
    "StolenCard": ("9979", "stolen_card"),
    "VelocityLimitExceeded": ("6975", "card_velocity_exceeded"),
}
for _tail, (_last4, _code) in DECLINED_VISAS.items():
    _card = Card(last4=_last4, behaviour=f"decline:{_code}")
    TEST_CARDS[f"pm_card_visa_chargeDeclined{_tail}"] = _card
    TEST_CARDS[f"pm_card_chargeDeclined{_tail}"] = _card


def answer_of_behaviour(behaviour: str, *, brand: str, off_session: bool) -> Answer:
    """Return what a test card answers by its documented nature."""
    kind, _, code = behaviour.partition(":")
    if kind in ("always", "decline"):
        return refused(code, brand=brand)
    if kind == "block":
        return blocked(code)
    if kind == "authenticate" and off_session:
        return refused("authentication_required", brand=brand)
    if kind == "authenticate" and code:
        return refused(code, brand=brand)
    return Approved()


def card_details(card: Card, *, fingerprint: str, exp_month: int, exp_year: int) -> Obj:
    """Return `payment_method.card`."""
    shown = {name: getattr(card, name) for name in SHOWN_TO_SOME}
    return {
        **{name: value for name, value in shown.items() if value},
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def payment_method_object(
    *, pm_id: str, card: Obj, customer: str | None, created: int, livemode: bool
) -> Obj:
    return {
        "id": pm_id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(),
        "card": card,
        "created": created,
        "customer": customer,
        "customer_account": None,
        "livemode": livemode,
        "metadata": {},
        "type": "card",
    }


def billing_details(*, name: str | None = None, email: str | None = None) -> Obj:
    address = dict.fromkeys(
        ("city", "country", "line1", "line2", "postal_code", "state")
    )
    return {
        "address": address,
        "email": email,
        "name": name,
        "phone": None,
        "tax_id": None,
    }


def charged_card(card: Obj) -> Obj:
    """Return `charge.payment_method_details.card` for a payment method's card."""
    copied = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint")
    return {
        **{field: card[field] for field in copied},
        **{field: card[field] for field in SHOWN_TO_SOME if field in card},
        "amount_authorized": None,
        "authorization_code": None,
        "extended_authorization": {"status": "disabled"},
        "funding": card["funding"],
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": 0, "status": "unavailable"},
        "regulated_status": card["regulated_status"],
        "three_d_secure": None,
        "wallet": None,
    }
