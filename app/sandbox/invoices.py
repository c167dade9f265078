"""The invoice calls of the API, `pay` above all."""

from app.sandbox.billing import finalize
from app.sandbox.calls import PAGING, Call, honours, list_object, merge, merge_metadata
from app.sandbox.collection import card_for, charge, settle
from app.sandbox.errors import ApiError, Obj, invalid
from app.sandbox.events import changing, emit
from app.sandbox.invoice_ends import end_payments, mark_uncollectible, void
from app.sandbox.invoice_objects import make_invoice, manual_line
from app.sandbox.payment_methods import attach_to
from app.sandbox.tables import SUBSCRIPTION_OF_INVOICE


@honours("off_session", "paid_out_of_band", "payment_method")
def pay_invoice(call: Call) -> Obj:
    """Answer POST /v1/invoices/{id}/pay: 200, or the 402 of the declined charge."""
    world, book = call.world, call.book
    invoice = call.the("invoice")
    _demand_payable(invoice)
    if invoice["status"] == "draft":
        finalize(world, book, invoice)
    if call.params.get("paid_out_of_band"):
        end_payments(world, book, invoice, reason="void_invoice")
        settle(world, book, invoice, really=False)
        return invoice
    off_session = call.params.get("off_session", True)
    outcome = charge(
        world, book, invoice, _card_to_pay(call, invoice), off_session=off_session
    )
    if outcome.error:
        raise outcome.error
    return invoice


def _demand_payable(invoice: Obj) -> None:
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid")
    if invoice["status"] == "void":
        raise invalid("Voided invoices cannot be paid.")


def _card_to_pay(call: Call, invoice: Obj) -> Obj:
    wanted = call.params.get("payment_method")
    if not wanted:
        method = card_for(call.book, invoice)
        if method is None:
            raise _no_card()
        return method
    method = call.find("payment_method", wanted, param="payment_method")
    if method["customer"] != invoice["customer"]:
        raise invalid(
            "The payment method supplied does not belong to the customer of this "
            "invoice.",
            param="payment_method",
        )
    return method


def _no_card() -> ApiError:
    return invalid(
        "This customer has no attached payment source or default payment method. "
        "Please consider adding a default payment method.",
        code="resource_missing",
    )


def void_invoice(call: Call) -> Obj:
    """Answer POST /v1/invoices/{id}/void."""
    invoice = call.the("invoice")
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(
            f"You can only pass in open invoices. This invoice isn't open. "
            f"Its status is {invoice['status']}."
        )
    void(call.world, call.book, invoice)
    return invoice


def write_off_invoice(call: Call) -> Obj:
    """Answer POST /v1/invoices/{id}/mark_uncollectible."""
    invoice = call.the("invoice")
    if invoice["status"] != "open":
        raise invalid("You can only mark an open invoice as uncollectible.")
    mark_uncollectible(call.world, call.book, invoice, reason="user_forgiven")
    return invoice


@honours("auto_advance")
def finalize_invoice(call: Call) -> Obj:
    """Answer POST /v1/invoices/{id}/finalize."""
    invoice = call.the("invoice")
    if invoice["status"] != "draft":
        raise invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft "
            "invoice.",
            code="invoice_not_editable",
        )
    if "auto_advance" in call.params:
        invoice["auto_advance"] = call.params["auto_advance"]
    finalize(call.world, call.book, invoice)
    return invoice


def send_invoice(call: Call) -> Obj:
    """Answer POST /v1/invoices/{id}/send; no mail leaves the sandbox."""
    invoice = call.the("invoice")
    if invoice["status"] == "draft":
        finalize(call.world, call.book, invoice)
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid("You can only manually send an invoice if it's open.")
    emit(call.world, call.book, "invoice.sent", invoice)
    return invoice


@honours("auto_advance", "default_payment_method", "description", "footer", "metadata")
def update_invoice(call: Call) -> Obj:
    """Answer POST /v1/invoices/{id}."""
    invoice = call.the("invoice")
    with changing(call.world, call.book, "invoice.updated", invoice):
        merge(invoice, call.params, ("auto_advance", "description", "footer"))
        merge_metadata(invoice, call.params)
        wanted = call.params.get("default_payment_method")
        if wanted is not None:
            owner = call.book.customers.rows[invoice["customer"]]
            method = wanted and attach_to(call, owner, wanted)["id"]
            invoice["default_payment_method"] = method or None
    return invoice


@honours("amount", "currency", "customer", "description")
def create_invoice_item(call: Call) -> Obj:
    """Answer POST /v1/invoiceitems; it waits for the customer's next manual invoice."""
    customer = call.named("customer", "customer")
    if customer is None or "amount" not in call.params:
        raise invalid("The sandbox adds items by customer and amount.")
    item = {
        "id": call.world.ids.new("ii"),
        "object": "invoiceitem",
        "amount": call.params["amount"],
        "currency": call.params.get("currency", call.account.currency).lower(),
        "customer": customer["id"],
        "customer_account": None,
        "date": call.now,
        "created": call.now,
        "description": call.params.get("description"),
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": call.book.livemode,
        "metadata": {},
        "net_amount": call.params["amount"],
        "parent": None,
        "period": {"start": call.now, "end": call.now},
        "pricing": None,
        "proration": False,
        "quantity": 1,
        "quantity_decimal": "1",
        "tax_rates": [],
        "test_clock": None,
    }
    call.book.invoice_items.add(item)
    return {name: value for name, value in item.items() if name != "created"}


@honours("auto_advance", "collection_method", "customer", "description", "metadata")
def create_invoice(call: Call) -> Obj:
    """Answer POST /v1/invoices: a manual one over the customer's waiting items."""
    customer = call.named("customer", "customer")
    if customer is None:
        raise invalid("Missing required param: customer.", param="customer")
    waiting = call.book.invoice_items.having("customer", customer["id"])
    items = [item for item in waiting if item["invoice"] is None]
    invoice = make_invoice(
        call.world,
        call.book,
        customer=customer,
        lines=[manual_line(call.world, item) for item in items],
        billing_reason="manual",
    )
    for item in items:
        item["invoice"] = invoice["id"]
    invoice["auto_advance"] = call.params.get("auto_advance", False)
    merge(invoice, call.params, ("collection_method", "description"))
    merge_metadata(invoice, call.params)
    emit(call.world, call.book, "invoice.created", invoice)
    return invoice


@honours("collection_method", "created", "customer", "status", "subscription", *PAGING)
def list_invoices(call: Call) -> Obj:
    params = call.params
    where = {
        "customer": params.get("customer"),
        "status": params.get("status"),
        "collection_method": params.get("collection_method"),
        SUBSCRIPTION_OF_INVOICE: params.get("subscription"),
    }
    return call.page("invoice", where=where)


def list_lines(call: Call) -> Obj:
    invoice = call.the("invoice")
    return list_object(invoice["lines"]["data"], url=call.path)


@honours("created", "invoice", "payment", "status", *PAGING)
def list_invoice_payments(call: Call) -> Obj:
    params = call.params
    payment = params.get("payment", {})
    where = {
        "invoice": params.get("invoice"),
        "status": params.get("status"),
        "payment.type": payment.get("type"),
        "payment.payment_intent": payment.get("payment_intent"),
    }
    return call.page("invoice_payment", where=where)


@honours("created", "customer", "payment_intent", *PAGING)
def list_charges(call: Call) -> Obj:
    named = ("customer", "payment_intent")
    return call.page("charge", where={f: call.params.get(f) for f in named})


@honours("created", "customer", *PAGING)
def list_payment_intents(call: Call) -> Obj:
    return call.page("payment_intent", where={"customer": call.params.get("customer")})
