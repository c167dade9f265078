"""Subscriptions and their items; periods live on the items since basil."""

from app.sandbox.catalog import plan_of
from app.sandbox.clock import step
from app.sandbox.errors import Obj
from app.sandbox.invoice_objects import payment_settings
from app.sandbox.tables import Book
from app.sandbox.world import World


def make_subscription(
    world: World,
    book: Book,
    *,
    customer: Obj,
    prices: list[tuple[Obj, int]],
    default_payment_method: str | None = None,
    trial_end: int | None = None,
) -> Obj:
    """Keep a subscription to these prices and quantities, not yet billed."""
    sub_id = world.ids.new("sub")
    anchor = trial_end or world.now
    first_end = trial_end or period_end(anchor, prices[0][0], 1)
    items = [
        _item(world, sub_id, price, quantity, period=(world.now, first_end))
        for price, quantity in prices
    ]
    subscription = {
        "id": sub_id,
        "object": "subscription",
        **dict.fromkeys(ABSENT),
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
        },
        "billing_cycle_anchor": anchor,
        "billing_mode": {"flexible": None, "type": "classic"},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": world.now,
        "currency": prices[0][0]["currency"],
        "customer": customer["id"],
        "default_payment_method": default_payment_method,
        "default_tax_rates": [],
        "discounts": [],
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": {
            "object": "list",
            "data": items,
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={sub_id}",
        },
        "livemode": book.livemode,
        "metadata": {},
        "payment_settings": {
            **payment_settings(),
            "save_default_payment_method": "off",
        },
        "start_date": world.now,
        "status": "trialing" if trial_end else "incomplete",
        "trial_end": trial_end,
        "trial_settings": {
            "end_behavior": {"missing_payment_method": "create_invoice"}
        },
        "trial_start": world.now if trial_end else None,
    }
    subscription["payment_settings"].pop("default_mandate")
    # Which period is running, counted from the anchor: month ends stay right so.
    book.notes(sub_id)["period"] = 0 if trial_end else 1
    return book.subscriptions.add(subscription)


ABSENT = (
    "application",
    "application_fee_percent",
    "billing_cycle_anchor_config",
    "billing_thresholds",
    "cancel_at",
    "canceled_at",
    "customer_account",
    "days_until_due",
    "default_source",
    "description",
    "ended_at",
    "latest_invoice",
    "next_pending_invoice_item_invoice",
    "on_behalf_of",
    "pause_collection",
    "pending_invoice_item_interval",
    "pending_setup_intent",
    "pending_update",
    "schedule",
    "test_clock",
    "transfer_data",
)


def _item(
    world: World, sub_id: str, price: Obj, quantity: int, *, period: tuple[int, int]
) -> Obj:
    return {
        "id": world.ids.new("si", length=14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": world.now,
        "current_period_end": period[1],
        "current_period_start": period[0],
        "discounts": [],
        "metadata": {},
        "plan": plan_of(price),
        "price": price,
        "quantity": quantity,
        "subscription": sub_id,
        "tax_rates": [],
    }


def items_of(subscription: Obj) -> list[Obj]:
    items: list[Obj] = subscription["items"]["data"]
    return items


def current_period(subscription: Obj) -> tuple[int, int]:
    item = items_of(subscription)[0]
    return item["current_period_start"], item["current_period_end"]


def period_end(anchor: int, price: Obj, number: int) -> int:
    """Return the end of the period with this number, counted from the anchor."""
    recurring = price["recurring"]
    return step(anchor, recurring["interval"], number * recurring["interval_count"])


def begin_next_period(book: Book, subscription: Obj) -> None:
    """Move all items to the period after the running one."""
    notes = book.notes(subscription["id"])
    notes["period"] += 1
    notes["earlier_start"], start = current_period(subscription)
    anchor = subscription["billing_cycle_anchor"]
    for item in items_of(subscription):
        item["current_period_start"] = start
        item["current_period_end"] = period_end(anchor, item["price"], notes["period"])
