"""A whole paying customer in one step: product, price, card, subscription."""

from dataclasses import dataclass

from app.sandbox.cards import TEST_CARDS, Card
from app.sandbox.catalog import make_price, make_product
from app.sandbox.customers import make_customer
from app.sandbox.errors import Obj, invalid
from app.sandbox.events import emit
from app.sandbox.payment_methods import attach, make_payment_method
from app.sandbox.renewals import start
from app.sandbox.subscription_objects import make_subscription
from app.sandbox.tables import Book
from app.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Wish:
    """What kind of subscriber is wanted; `amount` in minor units."""

    name: str = "Ann Example"
    email: str = "ann@example.com"
    country: str | None = None
    card: str | None = "pm_card_visa"
    amount: int = 1500
    currency: str = "usd"
    interval: str = "month"
    interval_count: int = 1
    product: str = "Membership"
    trial_days: int = 0
    card_on: str = "customer"  # or "subscription", or "both"


def subscribe(world: World, book: Book, wish: Wish) -> Obj:
    """Make the subscriber and charge the first period; return the ids."""
    card = TEST_CARDS.get(wish.card) if wish.card else None
    if wish.card and card is None:
        raise invalid(f"No such test card: {wish.card}", param="card")
    return subscribe_with(world, book, wish, card)


def subscribe_with(world: World, book: Book, wish: Wish, card: Card | None) -> Obj:
    customer = make_customer(world, book, name=wish.name, email=wish.email)
    if wish.country:
        customer["address"] = {**NO_ADDRESS, "country": wish.country}
    emit(world, book, "customer.created", customer)
    method = card and attach(
        world, book, make_payment_method(world, book, card), customer
    )
    method_id = method["id"] if method else None
    if wish.card_on in ("customer", "both"):
        customer["invoice_settings"]["default_payment_method"] = method_id
    on_subscription = wish.card_on in ("subscription", "both")
    price = price_for(world, book, wish)
    subscription = make_subscription(
        world,
        book,
        customer=customer,
        prices=[(price, 1)],
        default_payment_method=method_id if on_subscription else None,
        trial_end=world.now + wish.trial_days * 86400 if wish.trial_days else None,
    )
    start(world, book, subscription)
    return {
        "customer": customer["id"],
        "payment_method": method_id,
        "price": price["id"],
        "product": price["product"],
        "subscription": subscription["id"],
    }


NO_ADDRESS = dict.fromkeys(
    ("city", "country", "line1", "line2", "postal_code", "state")
)


def price_for(world: World, book: Book, wish: Wish) -> Obj:
    """Return the price with these terms, made now if there is none yet."""
    for price in book.prices.rows.values():
        recurring = price["recurring"] or {}
        same = (
            book.products.rows[price["product"]]["name"] == wish.product
            and price["unit_amount"] == wish.amount
            and price["currency"] == wish.currency
            and recurring.get("interval") == wish.interval
            and recurring.get("interval_count") == wish.interval_count
        )
        if same:
            return price
    product = _product_named(world, book, wish.product)
    return make_price(
        world,
        book,
        product=product["id"],
        unit_amount=wish.amount,
        currency=wish.currency,
        interval=wish.interval,
        interval_count=wish.interval_count,
    )


def _product_named(world: World, book: Book, name: str) -> Obj:
    for product in book.products.rows.values():
        if product["name"] == name:
            return product
    return make_product(world, book, name=name)
