"""Invoices and the payments on them, as values."""

from dataclasses import replace

from app.domain.snapshots import CustomerSnapshot, InvoiceSnapshot, PaymentSnapshot
from app.stripe_gateway.charges import codes_of_error
from app.stripe_gateway.customers import customer
from app.stripe_gateway.fields import (
    Json,
    flag,
    items,
    moment,
    number,
    part,
    reference,
    text,
)
from app.stripe_gateway.subscriptions import subscription

SUBSCRIPTION = ("parent", "subscription_details", "subscription")


def invoice(
    json: Json, payments: tuple[PaymentSnapshot, ...] | None = None
) -> InvoiceSnapshot:
    """An invoice; whole if its `payments` are given, an extract if not."""
    own = part(json, *SUBSCRIPTION)
    since = part(json, "status_transitions")
    return InvoiceSnapshot(
        id=text(json, "id") or "",
        status=text(json, "status"),
        customer=_payer(json),
        livemode=flag(json, "livemode"),
        currency=text(json, "currency") or "",
        amount_due=number(json, "amount_due") or 0,
        amount_remaining=number(json, "amount_remaining") or 0,
        amount_paid=number(json, "amount_paid") or 0,
        amount_paid_off_stripe=number(json, "amount_paid_off_stripe") or 0,
        billing_reason=text(json, "billing_reason"),
        collection_method=text(json, "collection_method"),
        attempt_count=number(json, "attempt_count") or 0,
        attempted=flag(json, "attempted"),
        auto_advance=flag(json, "auto_advance"),
        next_payment_attempt=moment(json, "next_payment_attempt"),
        created=moment(json, "created"),
        finalized_at=moment(since, "finalized_at"),
        paid_at=moment(since, "paid_at"),
        voided_at=moment(since, "voided_at"),
        marked_uncollectible_at=moment(since, "marked_uncollectible_at"),
        uncollectible_reason=text(json, "status_details", "uncollectible", "reason"),
        period_start=moment(json, "period_start"),
        period_end=moment(json, "period_end"),
        hosted_invoice_url=text(json, "hosted_invoice_url"),
        number=text(json, "number"),
        subscription_id=reference(json, *SUBSCRIPTION),
        subscription=subscription(own) if own else None,
        default_payment_method=reference(json, "default_payment_method"),
        default_source=reference(json, "default_source"),
        payments=payments or (),
        is_whole=payments is not None,
    )


def _payer(json: Json) -> CustomerSnapshot:
    """The customer; what is not on them now is taken from the invoice's own copy."""
    payer = customer(json.get("customer"))
    return replace(
        payer,
        name=payer.name or text(json, "customer_name") or "",
        email=payer.email or text(json, "customer_email") or "",
        country=payer.country or text(json, "customer_address", "country"),
    )


def payments(json: Json) -> tuple[PaymentSnapshot, ...]:
    """The payments of a list, with as much of their intents as Stripe sent."""
    return tuple(map(_payment, items(json, "data")))


def _payment(json: Json) -> PaymentSnapshot:
    made = part(json, "payment")
    intent = part(made, "payment_intent")
    error = part(intent, "last_payment_error")
    charge_id = reference(made, "charge") or reference(intent, "latest_charge")
    return PaymentSnapshot(
        id=text(json, "id") or "",
        status=text(json, "status"),
        is_default=flag(json, "is_default"),
        kind=text(made, "type"),
        payment_intent_id=reference(made, "payment_intent"),
        charge_id=charge_id or text(error, "charge"),
        intent_status=text(intent, "status"),
        last_error_code=text(error, "code"),
        last_codes=codes_of_error(error) if error else None,
    )
