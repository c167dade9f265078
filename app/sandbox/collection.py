"""Charging an invoice: one try at one card, and all that follows from its answer."""

from dataclasses import dataclass

from app.sandbox.answers import Approved, Processing, Refused
from app.sandbox.errors import ApiError, Obj, invalid
from app.sandbox.events import changing, differing, emit
from app.sandbox.invoice_ends import cancel_payment
from app.sandbox.invoice_objects import make_invoice_payment, subscription_of
from app.sandbox.issuer import Try, ask
from app.sandbox.ledger import record
from app.sandbox.payment_objects import (
    last_payment_error,
    make_charge,
    make_intent,
    outcome_of,
)
from app.sandbox.refusals import card_error
from app.sandbox.retries import end_of_retries, plan_next
from app.sandbox.standing import follow_invoice
from app.sandbox.tables import Book
from app.sandbox.world import World, by_itself, copied

# "A variable upper limit" by Stripe's docs; one team counted ten declines, the
# eleventh call cancels the payment.
CONFIRMATIONS = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a try came to; `error` is what an API caller is told."""

    paid: bool = False
    answer: Refused | None = None
    error: ApiError | None = None


def card_for(book: Book, invoice: Obj) -> Obj | None:
    """Return the card that would be charged.

    The invoice's own goes first, then the subscription's, then the customer's: a new
    default card of the customer does not help a subscription that has its own.
    """
    subscription = subscription_of(book, invoice) or {}
    owner = book.customers.get(invoice["customer"]) or {}
    wanted = (
        invoice["default_payment_method"],
        subscription.get("default_payment_method"),
        owner.get("invoice_settings", {}).get("default_payment_method"),
    )
    for method_id in wanted:
        method = book.payment_methods.get(method_id)
        if method and method["customer"] == invoice["customer"]:
            return method
    return None


def charge(
    world: World, book: Book, invoice: Obj, method: Obj, *, off_session: bool
) -> Outcome:
    """Try the card once. The caller has seen that the invoice can be paid."""
    payment = open_payment(world, book, invoice)
    if payment is None:
        return Outcome(error=dead_invoice())
    intent = book.payment_intents.rows[payment["payment"]["payment_intent"]]
    if intent["status"] == "processing":
        return Outcome(error=still_processing())
    notes = book.notes(intent["id"])
    if notes.get("confirmations", 0) >= CONFIRMATIONS:
        cancel_payment(world, book, payment, reason="automatic")
        return Outcome(error=limit_crossed())
    notes["confirmations"] = notes.get("confirmations", 0) + 1
    if _asks_for_customer(world, book, method, off_session=off_session):
        return _wait_for_customer(world, book, invoice, intent, method)
    tried = Try(method, invoice["customer"], intent["amount"], off_session)
    answer = ask(world, book, tried)
    made = make_charge(world, book, intent, method=method, answer=answer)
    record(world, book, made, invoice)
    match answer:
        case Approved():
            return _succeed(world, book, invoice, payment, made)
        case Processing():
            return _wait_for_bank(world, book, invoice, made, answer)
        case Refused():
            return _fail(world, book, invoice, made, answer)


def open_payment(world: World, book: Book, invoice: Obj) -> Obj | None:
    """Return the invoice's open payment, made now if it never had one."""
    payments = book.invoice_payments.having("invoice", invoice["id"])
    if not payments:
        intent = make_intent(world, book, invoice)
        emit(world, book, "payment_intent.created", intent)
        return make_invoice_payment(world, book, invoice, intent)
    return next((p for p in payments if p["status"] == "open"), None)


def dead_invoice() -> ApiError:
    return invalid(
        "This invoice can no longer be paid. Consider voiding, marking as "
        "uncollectible, or marking as paid out of band instead."
    )


def limit_crossed() -> ApiError:
    return invalid(
        "This PaymentIntent's payment_method could not be updated because it has a "
        "status of canceled.",
        code="payment_intent_unexpected_state",
    )


def still_processing() -> ApiError:
    return invalid(
        "This invoice's payment is still processing.",
        code="payment_intent_unexpected_state",
    )


def _asks_for_customer(
    world: World, book: Book, method: Obj, *, off_session: bool
) -> bool:
    """Say whether an on-session call from a server would stop for 3D Secure.

    On the hosted page the customer is there and authenticates.
    """
    if off_session or world.made.by == "customer":
        return False
    behaviour = book.notes(method["id"]).get("behaviour", "approve")
    causes = world.causes.get(method["id"], [])
    return behaviour.startswith("authenticate") or any(
        cause["kind"] == "authentication" for cause in causes
    )


def _wait_for_customer(
    world: World, book: Book, invoice: Obj, intent: Obj, method: Obj
) -> Outcome:
    intent["status"] = "requires_action"
    intent["payment_method"] = method["id"]
    intent["next_action"] = {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect"},
    }
    emit(world, book, "payment_intent.requires_action", intent)
    emit(world, book, "invoice.payment_action_required", invoice)
    error = {
        "code": "invoice_payment_intent_requires_action",
        "message": "This payment requires additional user action before it can be "
        "completed successfully.",
        "payment_intent": copied(intent),
        "type": "card_error",
    }
    return Outcome(error=ApiError(402, error))


def _succeed(
    world: World, book: Book, invoice: Obj, payment: Obj, made: Obj
) -> Outcome:
    intent = book.payment_intents.rows[made["payment_intent"]]
    _remember(intent, made)
    intent["status"] = "succeeded"
    intent["amount_received"] = made["amount"]
    intent["last_payment_error"] = None
    emit(world, book, "charge.succeeded", made)
    emit(world, book, "payment_intent.succeeded", intent)
    payment["status"] = "paid"
    payment["amount_paid"] = made["amount"]
    payment["status_transitions"]["paid_at"] = world.now
    emit(world, book, "invoice_payment.paid", payment)
    settle(world, book, invoice, really=True)
    return Outcome(paid=True)


def settle(world: World, book: Book, invoice: Obj, *, really: bool) -> None:
    """Mark the invoice paid; `really` is false for money that came another way."""
    before = copied(invoice)
    if really:
        _count_attempt(world, invoice)
    invoice["amount_paid"] = invoice["amount_due"]
    invoice["amount_remaining"] = 0
    invoice["auto_advance"] = False
    invoice["next_payment_attempt"] = None
    invoice["status"] = "paid"
    invoice["status_details"] = None
    invoice["status_transitions"]["paid_at"] = world.now
    emit(world, book, "invoice.paid", invoice)
    if really:
        emit(world, book, "invoice.payment_succeeded", invoice)
    previous = differing(before, invoice)
    emit(world, book, "invoice.updated", invoice, previous=previous)
    follow_invoice(world, book, invoice)


def _remember(intent: Obj, made: Obj) -> None:
    intent["latest_charge"] = made["id"]
    intent["next_action"] = None
    intent["payment_method"] = made["payment_method"]


def _count_attempt(world: World, invoice: Obj) -> None:
    """Raise attempt_count: any first attempt counts, then only Stripe's own."""
    if invoice["attempt_count"] == 0 or world.made.by == "stripe":
        invoice["attempt_count"] += 1
    invoice["attempted"] = True


def _fail(
    world: World, book: Book, invoice: Obj, made: Obj, answer: Refused
) -> Outcome:
    intent = book.payment_intents.rows[made["payment_intent"]]
    method = book.payment_methods.rows[made["payment_method"]]
    _remember(intent, made)
    intent["status"] = "requires_payment_method"
    # A refused intent lets go of its card; last_payment_error keeps it.
    intent["payment_method"] = None
    intent["last_payment_error"] = last_payment_error(
        answer, charge=made, method=method
    )
    book.notes(invoice["id"]).update(
        refused_card=method["id"], refused_reason=answer.reason
    )
    emit(world, book, "charge.failed", made)
    emit(world, book, "payment_intent.payment_failed", intent)
    with changing(world, book, "invoice.updated", invoice):
        _count_attempt(world, invoice)
        goes_on = plan_next(world, book, invoice)
        emit(world, book, "invoice.payment_failed", invoice)
        if answer.decline_code == "authentication_required":
            emit(world, book, "invoice.payment_action_required", invoice)
    follow_invoice(world, book, invoice)
    if not goes_on:
        end_of_retries(world, book, invoice)
    return Outcome(
        answer=answer,
        error=card_error(
            answer,
            charge=made["id"],
            payment_intent=copied(intent),
            payment_method=copied(method),
        ),
    )


def fail_without_card(world: World, book: Book, invoice: Obj) -> None:
    """Count an attempt of Stripe's that found no card: no charge, no payment."""
    with changing(world, book, "invoice.updated", invoice):
        _count_attempt(world, invoice)
        goes_on = plan_next(world, book, invoice)
        emit(world, book, "invoice.payment_failed", invoice)
    follow_invoice(world, book, invoice)
    if not goes_on:
        end_of_retries(world, book, invoice)


def _wait_for_bank(
    world: World, book: Book, invoice: Obj, made: Obj, answer: Processing
) -> Outcome:
    intent = book.payment_intents.rows[made["payment_intent"]]
    _remember(intent, made)
    intent["status"] = "processing"
    emit(world, book, "charge.pending", made)
    emit(world, book, "payment_intent.processing", intent)
    with changing(world, book, "invoice.updated", invoice):
        _count_attempt(world, invoice)
    book.notes(made["id"])["then"] = answer.then
    world.later(book, world.now + answer.seconds, "bank_answers", charge=made["id"])
    return Outcome()


@by_itself
def bank_answers(world: World, book: Book, details: Obj) -> None:
    """Finish a charge that was accepted and pending."""
    made = book.charges.rows[details["charge"]]
    payments = book.invoice_payments.having(
        "payment.payment_intent", made["payment_intent"]
    )
    invoice = book.invoices.rows[payments[0]["invoice"]]
    answer = book.notes(made["id"]).pop("then")
    record(world, book, made, invoice, resolved=answer)
    if isinstance(answer, Refused):
        made["status"] = "failed"
        made["failure_code"], made["failure_message"] = answer.code, answer.message
        made["outcome"] = outcome_of(answer)
        _fail(world, book, invoice, made, answer)
    else:
        made["status"], made["paid"] = "succeeded", True
        made["captured"], made["amount_captured"] = True, made["amount"]
        _succeed(world, book, invoice, payments[0], made)
