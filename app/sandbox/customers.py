"""Customers, and which card of theirs is charged."""

from app.sandbox.calls import PAGING, Call, honours, merge, merge_metadata
from app.sandbox.errors import Obj
from app.sandbox.events import changing, emit
from app.sandbox.payment_methods import attach_to
from app.sandbox.standing import end_subscription
from app.sandbox.tables import Book
from app.sandbox.world import World

PLAIN_FIELDS = ("description", "email", "name", "phone", "address", "shipping")


def make_customer(
    world: World, book: Book, *, name: str | None, email: str | None
) -> Obj:
    customer: Obj = {
        "id": world.ids.new("cus", length=14),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": world.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": email,
        "invoice_prefix": world.ids.text(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": book.livemode,
        "metadata": {},
        "name": name,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    return book.customers.add(customer)


@honours(
    "address",
    "description",
    "email",
    "invoice_settings",
    "metadata",
    "name",
    "payment_method",
    "phone",
    "preferred_locales",
    "shipping",
)
def create_customer(call: Call) -> Obj:
    """Answer POST /v1/customers."""
    params = call.params
    customer = make_customer(
        call.world, call.book, name=params.get("name"), email=params.get("email")
    )
    if params.get("payment_method"):
        attach_to(call, customer, params["payment_method"])
    _write(call, customer)
    emit(call.world, call.book, "customer.created", customer)
    return customer


@honours(
    "address",
    "description",
    "email",
    "invoice_settings",
    "metadata",
    "name",
    "phone",
    "preferred_locales",
    "shipping",
)
def update_customer(call: Call) -> Obj:
    """Answer POST /v1/customers/{id}."""
    customer = call.the("customer")
    with changing(call.world, call.book, "customer.updated", customer):
        _write(call, customer)
    return customer


def _write(call: Call, customer: Obj) -> None:
    merge(customer, call.params, PLAIN_FIELDS)
    merge_metadata(customer, call.params)
    if "preferred_locales" in call.params:
        customer["preferred_locales"] = call.params["preferred_locales"] or []
    wanted = call.params.get("invoice_settings", {}).get("default_payment_method")
    if wanted == "":
        customer["invoice_settings"]["default_payment_method"] = None
    elif wanted:
        method = attach_to(call, customer, wanted)
        customer["invoice_settings"]["default_payment_method"] = method["id"]


def delete_customer(call: Call) -> Obj:
    """Answer DELETE /v1/customers/{id}: its subscriptions end at once."""
    customer = call.the("customer")
    for subscription in call.book.subscriptions.having("customer", customer["id"]):
        if subscription["status"] not in ("canceled", "incomplete_expired"):
            end_subscription(
                call.world, call.book, subscription, reason="cancellation_requested"
            )
    call.book.customers.remove(customer["id"])
    call.book.notes(customer["id"])["deleted"] = True
    emit(call.world, call.book, "customer.deleted", customer)
    return deleted_object(customer["id"], "customer")


def deleted_object(row_id: str, noun: str) -> Obj:
    return {"id": row_id, "object": noun, "deleted": True}


def retrieve_customer(call: Call) -> Obj:
    """Answer GET /v1/customers/{id}; a deleted one still answers, as a stub."""
    if call.book.notes(call.ids[0]).get("deleted"):
        return deleted_object(call.ids[0], "customer")
    return call.the("customer")


@honours("created", "email", *PAGING)
def list_customers(call: Call) -> Obj:
    return call.page("customer", where={"email": call.params.get("email")})
