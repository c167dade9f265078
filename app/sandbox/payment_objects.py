"""Payment intents and charges."""

from app.sandbox.answers import Approved, Processing, Refused
from app.sandbox.cards import billing_details, charged_card
from app.sandbox.errors import Obj, doc_url
from app.sandbox.refusals import error_fields
from app.sandbox.tables import Book
from app.sandbox.world import World, copied

ABSENT_ON_INTENT = (
    "application",
    "application_fee_amount",
    "automatic_payment_methods",
    "canceled_at",
    "cancellation_reason",
    "customer_account",
    "excluded_payment_method_types",
    "last_payment_error",
    "latest_charge",
    "next_action",
    "on_behalf_of",
    "payment_method",
    "payment_method_configuration_details",
    "processing",
    "receipt_email",
    "review",
    "setup_future_usage",
    "shipping",
    "source",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
)
ABSENT_ON_CHARGE = (
    "application",
    "application_fee",
    "application_fee_amount",
    "balance_transaction",
    "customer",
    "description",
    "failure_balance_transaction",
    "failure_code",
    "failure_message",
    "on_behalf_of",
    "receipt_email",
    "receipt_number",
    "receipt_url",
    "review",
    "shipping",
    "source",
    "source_transfer",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
)


def make_intent(world: World, book: Book, invoice: Obj) -> Obj:
    """Keep the payment intent that is to pay an invoice."""
    intent_id = world.ids.new("pi")
    intent = {
        "id": intent_id,
        "object": "payment_intent",
        **dict.fromkeys(ABSENT_ON_INTENT),
        "amount": invoice["amount_remaining"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic",
        "client_secret": f"{intent_id}_secret_{world.ids.text(24)}",
        "confirmation_method": "automatic",
        "created": world.now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "description": "Subscription update",
        "livemode": book.livemode,
        "metadata": {},
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }
    return book.payment_intents.add(intent)


def make_charge(
    world: World,
    book: Book,
    intent: Obj,
    *,
    method: Obj,
    answer: Approved | Processing | Refused,
) -> Obj:
    """Keep one try at one card, with what the issuer or Stripe said."""
    owner = book.customers.get(intent["customer"]) or {}
    amount = intent["amount"]
    approved = isinstance(answer, Approved)
    charge = {
        "id": world.ids.new("ch"),
        "object": "charge",
        **dict.fromkeys(ABSENT_ON_CHARGE),
        "amount": amount,
        "amount_captured": amount if approved else 0,
        "amount_refunded": 0,
        "billing_details": billing_details(
            name=owner.get("name"), email=owner.get("email")
        ),
        "calculated_statement_descriptor": "SANDBOX",
        "captured": approved,
        "created": world.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "fraud_details": {},
        "livemode": book.livemode,
        "metadata": {},
        "outcome": outcome_of(answer),
        "paid": approved,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "card": charged_card(copied(method["card"])),
            "type": "card",
        },
        "radar_options": {},
        "refunded": False,
        "status": "succeeded" if approved else "pending",
    }
    if isinstance(answer, Refused):
        charge["status"] = "failed"
        charge["failure_code"] = answer.code
        charge["failure_message"] = answer.message
    return book.charges.add(charge)


def outcome_of(answer: Approved | Processing | Refused) -> Obj:
    """Return `charge.outcome`; the decline code is its `reason`."""
    if not isinstance(answer, Refused):
        return _outcome("authorized", "approved_by_network", "Payment complete.")
    if answer.blocked:
        told = "Stripe blocked this payment."
        kept = _outcome("blocked", "not_sent_to_network", told)
        risky = answer.reason == "highest_risk_level"
        kept["risk_level"] = "highest" if risky else "normal"
    else:
        told = "The bank did not return any further details with this decline."
        kept = _outcome("issuer_declined", "declined_by_network", told)
    kept["reason"] = answer.reason
    kept["advice_code"] = answer.advice_code
    kept["network_advice_code"] = answer.network_advice_code
    kept["network_decline_code"] = answer.network_decline_code
    return kept


def _outcome(kind: str, network_status: str, told: str) -> Obj:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network_status,
        "reason": None,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": told,
        "type": kind,
    }


def last_payment_error(answer: Refused, *, charge: Obj, method: Obj) -> Obj:
    """Return what a declined intent remembers; null fields are left out."""
    fields = error_fields(answer, charge=charge["id"], payment_method=copied(method))
    fields["doc_url"] = doc_url(answer.code)
    return {name: value for name, value in fields.items() if value is not None}
