"""How an invoice ends without a charge: void, uncollectible, paid elsewhere."""

from app.sandbox.errors import Obj
from app.sandbox.events import changing, emit
from app.sandbox.standing import follow_invoice
from app.sandbox.tables import Book
from app.sandbox.world import World


def mark_uncollectible(world: World, book: Book, invoice: Obj, *, reason: str) -> None:
    """Write the debt off; it can still be paid."""
    with changing(world, book, "invoice.updated", invoice):
        invoice["status"] = "uncollectible"
        invoice["auto_advance"] = False
        invoice["next_payment_attempt"] = None
        invoice["status_details"] = {"uncollectible": {"reason": reason}}
        invoice["status_transitions"]["marked_uncollectible_at"] = world.now
        emit(world, book, "invoice.marked_uncollectible", invoice)
    follow_invoice(world, book, invoice)


def void(world: World, book: Book, invoice: Obj) -> None:
    """End the invoice for good; its payment ends with it."""
    with changing(world, book, "invoice.updated", invoice):
        invoice["status"] = "void"
        invoice["auto_advance"] = False
        invoice["next_payment_attempt"] = None
        invoice["status_transitions"]["voided_at"] = world.now
        emit(world, book, "invoice.voided", invoice)
    end_payments(world, book, invoice, reason="void_invoice")
    follow_invoice(world, book, invoice)


def end_payments(world: World, book: Book, invoice: Obj, *, reason: str) -> None:
    """Cancel what could still pay the invoice."""
    for payment in book.invoice_payments.having("invoice", invoice["id"]):
        if payment["status"] == "open":
            cancel_payment(world, book, payment, reason=reason)


def cancel_payment(world: World, book: Book, payment: Obj, *, reason: str) -> None:
    """End a payment for good: the invoice stays as it is, and cannot be paid by it."""
    intent = book.payment_intents.rows[payment["payment"]["payment_intent"]]
    payment["status"] = "canceled"
    payment["status_transitions"]["canceled_at"] = world.now
    intent["status"] = "canceled"
    intent["canceled_at"] = world.now
    intent["cancellation_reason"] = reason
    emit(world, book, "payment_intent.canceled", intent)
