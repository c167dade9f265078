"""Cards on file: made from Stripe's test ids, attached, detached, updated."""

from app.sandbox.answers import Refused
from app.sandbox.calls import PAGING, Call, honours, merge_metadata
from app.sandbox.cards import (
    TEST_CARDS,
    Card,
    answer_of_behaviour,
    card_details,
    payment_method_object,
)
from app.sandbox.clock import moment_of
from app.sandbox.errors import Obj, invalid
from app.sandbox.events import changing, emit
from app.sandbox.refusals import card_error
from app.sandbox.tables import Book
from app.sandbox.world import World


def make_payment_method(
    world: World, book: Book, card: Card, *, customer: str | None = None
) -> Obj:
    """Keep a card; each one made has its own number and so its own fingerprint."""
    details = card_details(
        card,
        fingerprint=world.ids.text(16),
        exp_month=moment_of(world.now).month,
        exp_year=moment_of(world.now).year + 3,
    )
    method = payment_method_object(
        pm_id=world.ids.new("pm"),
        card=details,
        customer=customer,
        created=world.now,
        livemode=book.livemode,
    )
    book.notes(method["id"])["behaviour"] = card.behaviour
    return book.payment_methods.add(method)


def attach_to(call: Call, customer: Obj, wanted: str) -> Obj:
    """Return the method as the customer's own; a test id makes a new one."""
    world, book = call.world, call.book
    method = book.payment_methods.get(wanted)
    if method is None and wanted in TEST_CARDS and not book.livemode:
        method = make_payment_method(world, book, TEST_CARDS[wanted])
    if method is None:
        method = call.find("payment_method", wanted, param="payment_method")
    return attach(world, book, method, customer)


def attach(world: World, book: Book, method: Obj, customer: Obj) -> Obj:
    """Attach the method, or raise the 402 of a card that declines at once."""
    if method["customer"] == customer["id"]:
        return method
    if method["customer"]:
        raise invalid(
            "The payment method you provided has already been attached to a customer."
        )
    behaviour = book.notes(method["id"]).get("behaviour", "approve")
    if behaviour.startswith("decline:"):
        brand = method["card"]["brand"]
        answer = answer_of_behaviour(behaviour, brand=brand, off_session=False)
        if isinstance(answer, Refused):
            raise card_error(answer, payment_method=method)
    method["customer"] = customer["id"]
    book.payment_methods.index_again(method, "customer")
    emit(world, book, "payment_method.attached", method)
    return method


@honours("customer")
def attach_payment_method(call: Call) -> Obj:
    """Answer POST /v1/payment_methods/{id}/attach."""
    customer = call.named("customer", "customer")
    if customer is None:
        raise invalid("Missing required param: customer.", param="customer")
    return attach_to(call, customer, call.ids[0])


def detach_payment_method(call: Call) -> Obj:
    """Answer POST /v1/payment_methods/{id}/detach: it is no one's default any more."""
    world, book, method = call.world, call.book, call.the("payment_method")
    owner = book.customers.get(method["customer"])
    with changing(world, book, "payment_method.detached", method):
        method["customer"] = None
    if owner and owner["invoice_settings"]["default_payment_method"] == method["id"]:
        with changing(world, book, "customer.updated", owner):
            owner["invoice_settings"]["default_payment_method"] = None
    return method


@honours("card", "type")
def create_payment_method(call: Call) -> Obj:
    """Answer POST /v1/payment_methods for a card token such as `tok_visa`."""
    token = call.params.get("card", {}).get("token")
    test_id = "pm_card_" + str(token).removeprefix("tok_")
    if call.params.get("type") != "card" or test_id not in TEST_CARDS:
        raise invalid("The sandbox makes cards from tokens such as tok_visa.")
    return make_payment_method(call.world, call.book, TEST_CARDS[test_id])


@honours("billing_details", "card", "metadata")
def update_payment_method(call: Call) -> Obj:
    """Answer POST /v1/payment_methods/{id}: expiry, billing details, metadata."""
    method = call.the("payment_method")
    with changing(call.world, call.book, "payment_method.updated", method):
        for field in ("exp_month", "exp_year"):
            if field in call.params.get("card", {}):
                method["card"][field] = call.params["card"][field]
        for field, value in call.params.get("billing_details", {}).items():
            method["billing_details"][field] = value or None
        merge_metadata(method, call.params)
    return method


@honours("customer", "type", *PAGING)
def list_payment_methods(call: Call) -> Obj:
    """Answer GET /v1/payment_methods and /v1/customers/{id}/payment_methods."""
    if call.ids:
        call.the("customer")
    owner = call.ids[0] if call.ids else call.params.get("customer")
    where = {"customer": owner, "type": call.params.get("type")}
    return call.page("payment_method", where=where)
