"""The subscription calls of the API."""

from app.sandbox.billing import collect_if_due, finalize
from app.sandbox.calls import PAGING, Call, honours, merge, merge_metadata, within
from app.sandbox.catalog import plan_of
from app.sandbox.clock import DAY
from app.sandbox.errors import Obj, invalid
from app.sandbox.events import changing, emit
from app.sandbox.invoice_objects import item_line, make_invoice
from app.sandbox.payment_methods import attach_to
from app.sandbox.renewals import start
from app.sandbox.standing import ENDED, end_subscription
from app.sandbox.subscription_objects import (
    current_period,
    items_of,
    make_subscription,
)


@honours(
    "cancel_at_period_end",
    "collection_method",
    "customer",
    "days_until_due",
    "default_payment_method",
    "description",
    "items",
    "metadata",
    "trial_end",
    "trial_period_days",
)
def create_subscription(call: Call) -> Obj:
    """Answer POST /v1/subscriptions; the first invoice is charged at once."""
    customer = call.named("customer", "customer")
    if customer is None:
        raise invalid("Missing required param: customer.", param="customer")
    prices = [
        (_price(call, item), item.get("quantity", 1))
        for item in call.params.get("items", [])
    ]
    if not prices:
        raise invalid("Missing required param: items.", param="items")
    method = call.params.get("default_payment_method")
    subscription = make_subscription(
        call.world,
        call.book,
        customer=customer,
        prices=prices,
        default_payment_method=method and attach_to(call, customer, method)["id"],
        trial_end=_trial_end(call),
    )
    merge(subscription, call.params, ("collection_method", "description"))
    merge(subscription, call.params, ("cancel_at_period_end", "days_until_due"))
    merge_metadata(subscription, call.params)
    start(call.world, call.book, subscription)
    return subscription


def _price(call: Call, item: Obj) -> Obj:
    if "price" not in item:
        raise invalid(
            "The sandbox subscribes to prices by id.", param="items[0][price]"
        )
    price = call.find("price", item["price"], param="items[0][price]")
    if price["recurring"] is None:
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts "
            "prices with `type=recurring`.",
            param="items[0][price]",
        )
    return price


def _trial_end(call: Call) -> int | None:
    if call.params.get("trial_period_days"):
        return call.now + int(call.params["trial_period_days"]) * DAY
    wanted = call.params.get("trial_end")
    return wanted if isinstance(wanted, int) and wanted > call.now else None


@honours(
    "cancel_at",
    "cancel_at_period_end",
    "cancellation_details",
    "collection_method",
    "days_until_due",
    "default_payment_method",
    "description",
    "items",
    "metadata",
    "pause_collection",
    "proration_behavior",
)
def update_subscription(call: Call) -> Obj:
    """Answer POST /v1/subscriptions/{id}."""
    world, book, params = call.world, call.book, call.params
    subscription = call.the("subscription")
    if subscription["status"] in ENDED:
        raise invalid("A canceled subscription can only update its metadata.")
    with changing(world, book, "customer.subscription.updated", subscription):
        merge(subscription, params, ("cancel_at_period_end", "collection_method"))
        merge(subscription, params, ("description", "days_until_due"))
        merge_metadata(subscription, params)
        if "cancellation_details" in params:
            subscription["cancellation_details"].update(params["cancellation_details"])
        _choose_card(call, subscription)
        _choose_end(call, subscription)
        _pause(call, subscription)
        if "items" in params:
            _change_items(call, subscription)
    return subscription


def _choose_card(call: Call, subscription: Obj) -> None:
    wanted = call.params.get("default_payment_method")
    if wanted == "":
        subscription["default_payment_method"] = None
    elif wanted:
        owner = call.book.customers.rows[subscription["customer"]]
        method = attach_to(call, owner, wanted)
        subscription["default_payment_method"] = method["id"]


def _choose_end(call: Call, subscription: Obj) -> None:
    if call.params.get("cancel_at_period_end") is not None:
        at_end = call.params["cancel_at_period_end"]
        subscription["cancel_at"] = current_period(subscription)[1] if at_end else None
        subscription["canceled_at"] = call.now if at_end else None
        reason = "cancellation_requested" if at_end else None
        subscription["cancellation_details"]["reason"] = reason
    elif "cancel_at" in call.params:
        at = call.params["cancel_at"] or None
        subscription["cancel_at"] = at
        if isinstance(at, int):
            call.world.later(
                call.book, at, "cancel_when_due", subscription=subscription["id"], at=at
            )


def _pause(call: Call, subscription: Obj) -> None:
    if "pause_collection" not in call.params:
        return
    wanted = call.params["pause_collection"]
    if not wanted:
        subscription["pause_collection"] = None
        return
    at = wanted.get("resumes_at") or None
    subscription["pause_collection"] = {
        "behavior": wanted["behavior"],
        "resumes_at": at,
    }
    if at:
        call.world.later(
            call.book, at, "resume_collection", subscription=subscription["id"], at=at
        )


def _change_items(call: Call, subscription: Obj) -> None:
    """Change prices or quantities; `always_invoice` bills the difference at once."""
    period = current_period(subscription)
    difference = 0
    for change in call.params["items"]:
        item = _item_named(subscription, change.get("id"))
        before = item["price"]["unit_amount"] * item["quantity"]
        if "price" in change:
            item["price"] = _price(call, change)
            item["plan"] = plan_of(item["price"])
        item["quantity"] = change.get("quantity", item["quantity"])
        difference += item["price"]["unit_amount"] * item["quantity"] - before
    if call.params.get("proration_behavior") == "always_invoice" and difference > 0:
        _bill_difference(call, subscription, difference, period=(call.now, period[1]))


def _item_named(subscription: Obj, item_id: str | None) -> Obj:
    for item in items_of(subscription):
        if item_id in (None, item["id"]):
            return item
    raise invalid(f"No such subscription item: '{item_id}'", param="items[0][id]")


def _bill_difference(
    call: Call, subscription: Obj, amount: int, *, period: tuple[int, int]
) -> None:
    world, book = call.world, call.book
    line = item_line(
        world, items_of(subscription)[0], period=period, amount=amount, proration=True
    )
    invoice = make_invoice(
        world,
        book,
        customer=book.customers.rows[subscription["customer"]],
        lines=[line],
        billing_reason="subscription_update",
        subscription=subscription,
    )
    subscription["latest_invoice"] = invoice["id"]
    emit(world, book, "invoice.created", invoice)
    finalize(world, book, invoice)
    collect_if_due(world, book, invoice)


@honours("cancellation_details")
def cancel_subscription(call: Call) -> Obj:
    """Answer DELETE /v1/subscriptions/{id}."""
    subscription = call.the("subscription")
    if subscription["status"] in ENDED:
        raise invalid(
            f"No such subscription: '{subscription['id']}'",
            code="resource_missing",
            param="id",
            status=404,
        )
    end_subscription(
        call.world,
        call.book,
        subscription,
        reason="cancellation_requested",
        details=call.params.get("cancellation_details"),
    )
    return subscription


@honours(
    "collection_method",
    "created",
    "current_period_end",
    "current_period_start",
    "customer",
    "price",
    "status",
    *PAGING,
)
def list_subscriptions(call: Call) -> Obj:
    """Answer GET /v1/subscriptions; without a status, canceled ones are left out."""
    params = call.params
    status = params.get("status")

    def keep(row: Obj) -> bool:
        if status is None and row["status"] == "canceled":
            return False
        wanted = ENDED if status == "ended" else {status}
        if status not in (None, "all") and row["status"] not in wanted:
            return False
        if "price" in params and not any(
            item["price"]["id"] == params["price"] for item in items_of(row)
        ):
            return False
        starts, ends = current_period(row)
        return within(starts, params.get("current_period_start")) and within(
            ends, params.get("current_period_end")
        )

    named = ("customer", "collection_method")
    return call.page("subscription", where={f: params.get(f) for f in named}, keep=keep)
