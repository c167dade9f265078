"""What people do to whom the app is a stranger: customers, merchants, card networks."""

from app.sandbox.cards import TEST_CARDS
from app.sandbox.clock import moment_of
from app.sandbox.collection import card_for, charge
from app.sandbox.errors import Obj, invalid
from app.sandbox.events import changing
from app.sandbox.payment_methods import attach, make_payment_method
from app.sandbox.standing import ENDED, end_subscription
from app.sandbox.tables import Book
from app.sandbox.world import Made, World, by_itself


def by_a_person(world: World, by: str) -> Made:
    """Return the cause of what somebody does in a browser: a request without a key."""
    return Made(by=by, request_id=world.ids.new("req", length=14))


def new_card(
    world: World,
    book: Book,
    customer_id: str,
    *,
    card: str,
    everywhere: bool,
    same_as: str | None = None,
) -> Obj:
    """Let the customer put a new card on file and make it the default.

    `same_as` is a payment method whose very card it is, entered once more. Without
    `everywhere` a subscription with a card of its own keeps the old one: the known
    trap.
    """
    owner = book.customers.rows[customer_id]
    with world.made_by(by_a_person(world, "customer")):
        method = make_payment_method(world, book, TEST_CARDS[card])
        if same_as:
            method["card"] = {**book.payment_methods.rows[same_as]["card"]}
        attach(world, book, method, owner)
        with changing(world, book, "customer.updated", owner):
            owner["invoice_settings"]["default_payment_method"] = method["id"]
        if everywhere:
            _use_for_all(world, book, customer_id, method)
    return method


def _use_for_all(world: World, book: Book, customer_id: str, method: Obj) -> None:
    for subscription in book.subscriptions.having("customer", customer_id):
        own = subscription["default_payment_method"]
        if own and subscription["status"] not in ENDED:
            with changing(world, book, "customer.subscription.updated", subscription):
                subscription["default_payment_method"] = method["id"]


def pay_on_page(world: World, book: Book, invoice_id: str, *, card: str | None) -> Obj:
    """Let the customer pay on the hosted page, authenticating if need be."""
    invoice = book.invoices.rows[invoice_id]
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(f"The page shows an invoice that is {invoice['status']}.")
    owner = book.customers.rows[invoice["customer"]]
    with world.made_by(by_a_person(world, "customer")):
        method = card_for(book, invoice)
        if card:
            method = make_payment_method(world, book, TEST_CARDS[card])
            attach(world, book, method, owner)
        if method is None:
            raise invalid("The customer has no card and gave none.")
        outcome = charge(world, book, invoice, method, off_session=False)
    return {"paid": outcome.paid, "invoice": invoice_id}


def cancel(world: World, book: Book, subscription_id: str, *, reason: str) -> Obj:
    """End a subscription in the Dashboard, or as a dispute rule would."""
    subscription = book.subscriptions.rows[subscription_id]
    by_rule = reason in ("payment_disputed", "payment_failed")
    made = Made() if by_rule else by_a_person(world, "merchant")
    with world.made_by(made):
        end_subscription(world, book, subscription, reason=reason)
    return {"subscription": subscription_id, "status": subscription["status"]}


@by_itself
def update_card(world: World, book: Book, details: Obj) -> None:
    """The card updater: the bank has sent a new number or expiry for a card.

    https://docs.stripe.com/payments/cards/overview (automatic card updates)
    """
    method = book.payment_methods.rows[details["payment_method"]]
    event = "payment_method.automatically_updated"
    with changing(world, book, event, method):
        card = method["card"]
        card["exp_year"] = moment_of(world.now).year + 4
        card["last4"] = f"{world.random.randrange(10_000):04d}"
        card["fingerprint"] = world.ids.text(16)
    book.notes(method["id"])["behaviour"] = "approve"
    cured = ("expired", "lost", "stolen")
    world.causes[method["id"]] = [
        cause
        for cause in world.causes.get(method["id"], [])
        if cause["kind"] not in cured
    ]


@by_itself
def customer_acts(world: World, book: Book, details: Obj) -> None:
    """A customer comes by: puts on a new card, pays on the page, or leaves."""
    owner = book.customers.get(details["customer"])
    if owner is None:
        return
    if details["do"] == "new_card":
        new_card(world, book, owner["id"], card="pm_card_visa", everywhere=True)
    elif details["do"] == "pay_on_page":
        _pay_what_is_open(world, book, owner["id"])
    else:
        _leave(world, book, owner["id"])


def _pay_what_is_open(world: World, book: Book, customer_id: str) -> None:
    for invoice in book.invoices.having("customer", customer_id):
        if invoice["status"] == "open" and invoice["attempted"]:
            pay_on_page(world, book, invoice["id"], card=None)


def _leave(world: World, book: Book, customer_id: str) -> None:
    for subscription in book.subscriptions.having("customer", customer_id):
        if subscription["status"] not in ENDED:
            cancel(world, book, subscription["id"], reason="cancellation_requested")
