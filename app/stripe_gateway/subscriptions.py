"""Subscriptions, as values. The period is on the items since API version basil."""

from app.domain.snapshots import SubscriptionSnapshot
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


def subscription(json: Json) -> SubscriptionSnapshot:
    """A subscription, with as much of customer and product as Stripe sent."""
    every = tuple(items(json, "items", "data"))
    first = every[0] if every else {}
    price = part(first, "price")
    return SubscriptionSnapshot(
        id=text(json, "id") or "",
        status=text(json, "status"),
        customer=customer(json.get("customer")),
        livemode=flag(json, "livemode"),
        created=moment(json, "created"),
        product_name=text(price, "product", "name"),
        plan_name=text(price, "nickname") or text(json, "description"),
        interval=text(price, "recurring", "interval"),
        interval_count=number(price, "recurring", "interval_count") or 1,
        amount=sum(map(_amount, every)),
        currency=text(json, "currency") or text(price, "currency") or "",
        trial_end=moment(json, "trial_end"),
        current_period_start=moment(first, "current_period_start"),
        current_period_end=moment(first, "current_period_end"),
        cancel_at=moment(json, "cancel_at"),
        cancel_at_period_end=flag(json, "cancel_at_period_end"),
        canceled_at=moment(json, "canceled_at"),
        ended_at=moment(json, "ended_at"),
        cancellation_reason=text(json, "cancellation_details", "reason"),
        pause_behavior=text(json, "pause_collection", "behavior"),
        pause_resumes_at=moment(json, "pause_collection", "resumes_at"),
        collection_method=text(json, "collection_method"),
        default_payment_method=reference(json, "default_payment_method"),
        default_source=reference(json, "default_source"),
        latest_invoice_id=reference(json, "latest_invoice"),
    )


def _amount(item: Json) -> int:
    """Of one item; a metered one has no quantity and no amount until it is billed."""
    unit = number(item, "price", "unit_amount") or 0
    quantity = number(item, "quantity")
    return unit * (quantity if quantity is not None else 0)
