"""A merchant with some hundred subscribers, their cards, their troubles, their past.

The past is not painted on: customers sign up at their times, and what has happened
since happens by the sandbox's own rules, up to now.
"""

from dataclasses import dataclass, field
from typing import Any

from app.sandbox.accounts import Account
from app.sandbox.cards import Card
from app.sandbox.clock import DAY, HOUR, moment_of, step
from app.sandbox.errors import Obj
from app.sandbox.names import email_of, name_of
from app.sandbox.subscribers import Wish, subscribe_with
from app.sandbox.tables import Book
from app.sandbox.troubles import trouble_for
from app.sandbox.world import Made, World, by_itself


@dataclass(frozen=True, slots=True)
class Plan:
    product: str
    amount: int
    currency: str
    interval: str = "month"
    interval_count: int = 1


PLANS = (
    Plan("Starter", 900, "usd"),
    Plan("Team", 4900, "usd"),
    Plan("Team, yearly", 49000, "usd", "year"),
    Plan("Basis", 1200, "eur"),
    Plan("Weekly box", 700, "gbp", "week"),
    Plan("スタンダード", 980, "jpy"),
    Plan("Four weeks", 1900, "usd", "week", 4),
    Plan("Family", 29900, "sek"),
)
PLAN_WEIGHTS = (32, 22, 4, 18, 4, 10, 5, 5)
COUNTRIES = {"usd": "US", "eur": "DE", "gbp": "GB", "jpy": "JP", "sek": "SE"}
BRANDS = (("visa", 55), ("mastercard", 33), ("amex", 8), ("discover", 4))


@dataclass(frozen=True, slots=True)
class Sowing:
    """What is to be seeded; `troubled` is the share of cards with a hidden cause."""

    customers: int = 200
    history_days: int = 45
    troubled: float = 0.35
    livemode: bool = False
    changes_of_mind: bool = True
    currencies: list[str] = field(default_factory=lambda: list(COUNTRIES))


def sow(world: World, account: Account, sowing: Sowing) -> Obj:
    """Let the customers sign up in the past and live until now; say what came of it."""
    book = account.book(livemode=sowing.livemode)
    now = world.now
    world.now = now - sowing.history_days * DAY
    first = world.now
    for number in range(sowing.customers):
        at = first + world.random.randrange(max(sowing.history_days, 1) * DAY)
        world.later(book, at, "sign_up", number=number, sowing=sowing)
    with world.made_by(Made()):
        while world.do_next(until=now):
            pass
    world.now = now
    return {
        "customers": len(book.customers.rows),
        "subscriptions": len(book.subscriptions.rows),
        "charges": len(book.charges.rows),
    }


@by_itself
def sign_up(world: World, book: Book, details: Obj) -> None:
    """A customer subscribes with a card that is good today."""
    sowing: Sowing = details["sowing"]
    number: int = details["number"]
    plan = _plan(world, sowing)
    card = _card(world, country=COUNTRIES[plan.currency])
    made = subscribe_with(
        world,
        book,
        Wish(
            name=name_of(number),
            email=email_of(number),
            country=COUNTRIES[plan.currency],
            amount=plan.amount,
            currency=plan.currency,
            interval=plan.interval,
            interval_count=plan.interval_count,
            product=plan.product,
            trial_days=14 if world.random.random() < 0.1 else 0,
            card_on=world.random.choice(("customer", "customer", "both")),
        ),
        card,
    )
    if world.random.random() < sowing.troubled:
        begins = step(world.now, plan.interval, plan.interval_count) - DAY
        at = max(world.now + HOUR, begins)
        world.later(book, at, "fall_into_trouble", **made)
    elif sowing.changes_of_mind and world.random.random() < 0.06:
        at = world.now + world.random.randrange(5 * DAY, 60 * DAY)
        customer = made["customer"]
        world.later(book, at, "customer_acts", customer=customer, do="leave")


def _plan(world: World, sowing: Sowing) -> Plan:
    wanted = [
        (plan, weight)
        for plan, weight in zip(PLANS, PLAN_WEIGHTS, strict=True)
        if plan.currency in sowing.currencies
    ]
    plans, weights = zip(*wanted, strict=True)
    chosen: Plan = _chosen(world, plans, weights)
    return chosen


def _card(world: World, *, country: str) -> Card:
    brands, weights = zip(*BRANDS, strict=True)
    funding = _chosen(world, ("credit", "debit", "prepaid"), (45, 48, 7))
    return Card(
        brand=_chosen(world, brands, weights),
        last4=f"{world.random.randrange(10_000):04d}",
        funding=funding,
        country=country,
    )


def _chosen(world: World, things: Any, weights: Any) -> Any:
    return world.random.choices(things, weights=weights)[0]


@by_itself
def fall_into_trouble(world: World, book: Book, details: Obj) -> None:
    """The card gets its hidden cause, and what will cure it goes on schedule."""
    method = book.payment_methods.rows[details["payment_method"]]
    trouble = trouble_for(world, brand=method["card"]["brand"])
    world.causes[method["id"]] = trouble.causes
    if trouble.causes[0]["kind"] == "expired":
        method["card"]["exp_year"] = moment_of(world.now).year - 1
    if trouble.updated_after:
        at = world.now + trouble.updated_after
        world.later(book, at, "update_card", payment_method=method["id"])
    if trouble.customer_acts_after:
        world.later(
            book,
            world.now + trouble.customer_acts_after,
            "customer_acts",
            customer=details["customer"],
            do=trouble.customer_does,
        )
