"""Invoices, their lines and their payments, in the shape they have since basil."""

from app.sandbox.errors import Obj
from app.sandbox.tables import Book
from app.sandbox.world import World


def make_invoice(
    world: World,
    book: Book,
    *,
    customer: Obj,
    lines: list[Obj],
    billing_reason: str,
    subscription: Obj | None = None,
    period: tuple[int, int] | None = None,
) -> Obj:
    """Keep a draft over these lines."""
    invoice_id = world.ids.new("in")
    for line in lines:
        line["invoice"] = invoice_id
    total = sum(line["amount"] for line in lines)
    account = world.account_of(book)
    source = subscription or {}
    start, end = period or (world.now, world.now)
    invoice = {
        "id": invoice_id,
        "object": "invoice",
        **_amounts(total),
        **_nothing_yet(),
        "account_country": account.country,
        "account_name": account.name,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": _automatic_tax(),
        "automatically_finalizes_at": None,
        "billing_reason": billing_reason,
        "collection_method": source.get("collection_method", "charge_automatically"),
        "created": world.now,
        "currency": lines[0]["currency"] if lines else account.currency,
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_tax_exempt": customer["tax_exempt"],
        "issuer": {"type": "self"},
        "lines": {
            "object": "list",
            "data": lines,
            "has_more": False,
            "url": f"/v1/invoices/{invoice_id}/lines",
        },
        "livemode": book.livemode,
        "next_payment_attempt": None,
        "parent": _parent(subscription),
        "payment_settings": payment_settings(),
        "period_end": end,
        "period_start": start,
        "status": "draft",
    }
    return book.invoices.add(invoice)


def _amounts(total: int) -> Obj:
    return {
        "amount_due": total,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": total,
        "amount_shipping": 0,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "subtotal": total,
        "subtotal_excluding_tax": total,
        "total": total,
        "total_excluding_tax": total,
    }


def _nothing_yet() -> Obj:
    empty_lists = ("default_tax_rates", "discounts")
    lists = {field: list[Obj]() for field in empty_lists}
    more = {
        field: list[Obj]()
        for field in (
            "customer_tax_ids",
            "total_discount_amounts",
            "total_pretax_credit_amounts",
            "total_taxes",
        )
    }
    absent = (
        "account_tax_ids",
        "application",
        "custom_fields",
        "customer_account",
        "customer_shipping",
        "default_payment_method",
        "default_source",
        "description",
        "due_date",
        "effective_at",
        "ending_balance",
        "footer",
        "from_invoice",
        "hosted_invoice_url",
        "invoice_pdf",
        "last_finalization_error",
        "latest_revision",
        "number",
        "on_behalf_of",
        "receipt_number",
        "rendering",
        "shipping_cost",
        "shipping_details",
        "statement_descriptor",
        "status_details",
        "test_clock",
        "webhooks_delivered_at",
    )
    transitions = ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
    return {
        **lists,
        **more,
        **dict.fromkeys(absent),
        "metadata": {},
        "status_transitions": dict.fromkeys(transitions),
    }


def _automatic_tax() -> Obj:
    return {
        "disabled_reason": None,
        "enabled": False,
        "liability": None,
        "provider": None,
        "status": None,
    }


def payment_settings() -> Obj:
    return {
        "default_mandate": None,
        "payment_method_options": None,
        "payment_method_types": None,
    }


def _parent(subscription: Obj | None) -> Obj | None:
    if subscription is None:
        return None
    return {
        "quote_details": None,
        "subscription_details": {
            "metadata": dict(subscription["metadata"]),
            "subscription": subscription["id"],
        },
        "type": "subscription_details",
    }


def subscription_of(book: Book, invoice: Obj) -> Obj | None:
    """Return the subscription that the invoice bills, if it bills one."""
    parent = invoice["parent"]
    if parent is None:
        return None
    return book.subscriptions.get(parent["subscription_details"]["subscription"])


def item_line(
    world: World,
    item: Obj,
    *,
    period: tuple[int, int],
    amount: int | None = None,
    proration: bool = False,
) -> Obj:
    """Return the line that bills one subscription item for a period.

    `amount` is given where it is not the full price, as in a trial.
    """
    price, quantity = item["price"], item["quantity"]
    full = price["unit_amount"] * quantity
    parent = {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": proration,
            "proration_details": {"credited_items": None},
            "subscription": item["subscription"],
            "subscription_item": item["id"],
        },
        "type": "subscription_item_details",
    }
    return _line(
        world,
        amount=full if amount is None else amount,
        price=price,
        quantity=quantity,
        parent=parent,
        period=period,
    )


def manual_line(world: World, item: Obj) -> Obj:
    """Return the line of an invoice item that somebody added by hand."""
    parent = {
        "invoice_item_details": {
            "invoice_item": item["id"],
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": None,
        },
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }
    line = _line(
        world,
        amount=item["amount"],
        price=None,
        quantity=1,
        parent=parent,
        period=(item["date"], item["date"]),
    )
    return {**line, "currency": item["currency"], "description": item["description"]}


def _line(
    world: World,
    *,
    amount: int,
    price: Obj | None,
    quantity: int,
    parent: Obj,
    period: tuple[int, int],
) -> Obj:
    pricing = price and {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }
    details = parent["subscription_item_details"] or {}
    return {
        "id": world.ids.new("il"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"] if price else None,
        "description": None,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": bool(price and price["livemode"]),
        "metadata": {},
        "parent": parent,
        "period": {"start": period[0], "end": period[1]},
        "pretax_credit_amounts": [],
        "pricing": pricing,
        "quantity": quantity,
        "subscription": details.get("subscription"),
        "subtotal": amount,
        "taxes": [],
    }


def make_invoice_payment(world: World, book: Book, invoice: Obj, intent: Obj) -> Obj:
    """Keep the link between an invoice and the payment that may pay it."""
    payment = {
        "id": world.ids.new("inpay"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_remaining"],
        "created": world.now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": book.livemode,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
    return book.invoice_payments.add(payment)
