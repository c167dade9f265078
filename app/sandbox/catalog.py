"""Products and prices."""

from app.sandbox.calls import PAGING, Call, honours, merge, merge_metadata
from app.sandbox.errors import Obj, invalid
from app.sandbox.events import changing, emit
from app.sandbox.tables import Book
from app.sandbox.world import World


def make_product(world: World, book: Book, *, name: str) -> Obj:
    product = {
        "id": world.ids.new("prod", length=14),
        "object": "product",
        "active": True,
        "created": world.now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": book.livemode,
        "marketing_features": [],
        "metadata": {},
        "name": name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": world.now,
        "url": None,
    }
    return book.products.add(product)


def make_price(
    world: World,
    book: Book,
    *,
    product: str,
    unit_amount: int,
    currency: str,
    interval: str | None = "month",
    interval_count: int = 1,
) -> Obj:
    """Keep a price in minor units; without an interval it is a one-time price."""
    recurring = {
        "interval": interval,
        "interval_count": interval_count,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }
    price = {
        "id": world.ids.new("price"),
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": world.now,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": book.livemode,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": product,
        "recurring": recurring if interval else None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if interval else "one_time",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(unit_amount),
    }
    return book.prices.add(price)


def plan_of(price: Obj) -> Obj:
    """Return the older form of a price, which a subscription item still carries."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": price["livemode"],
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


@honours("description", "metadata", "name", "url")
def create_product(call: Call) -> Obj:
    product = make_product(call.world, call.book, name=call.params["name"])
    merge(product, call.params, ("description", "url"))
    merge_metadata(product, call.params)
    emit(call.world, call.book, "product.created", product)
    return product


@honours("active", "description", "metadata", "name", "url")
def update_product(call: Call) -> Obj:
    product = call.the("product")
    with changing(call.world, call.book, "product.updated", product):
        merge(product, call.params, ("name", "description", "active", "url"))
        merge_metadata(product, call.params)
    return product


@honours(
    "currency",
    "lookup_key",
    "metadata",
    "nickname",
    "product",
    "product_data",
    "recurring",
    "unit_amount",
)
def create_price(call: Call) -> Obj:
    recurring = call.params.get("recurring", {})
    if "unit_amount" not in call.params:
        raise invalid("The sandbox prices by unit_amount only.", param="unit_amount")
    price = make_price(
        call.world,
        call.book,
        product=_product_of_price(call)["id"],
        unit_amount=call.params["unit_amount"],
        currency=call.params["currency"].lower(),
        interval=recurring.get("interval"),
        interval_count=recurring.get("interval_count", 1),
    )
    merge(price, call.params, ("nickname", "lookup_key"))
    merge_metadata(price, call.params)
    emit(call.world, call.book, "price.created", price)
    return price


def _product_of_price(call: Call) -> Obj:
    if "product_data" in call.params:
        name = call.params["product_data"]["name"]
        return make_product(call.world, call.book, name=name)
    if "product" not in call.params:
        raise invalid("Missing required param: product.", param="product")
    return call.find("product", call.params["product"], param="product")


@honours("active", "created", *PAGING)
def list_products(call: Call) -> Obj:
    return call.page("product", where={"active": call.params.get("active")})


@honours("active", "created", "currency", "product", "type", *PAGING)
def list_prices(call: Call) -> Obj:
    named = ("active", "currency", "product", "type")
    return call.page("price", where={f: call.params.get(f) for f in named})
