"""The list of every charge ever tried: what tests hold the app's rows against."""

from app.sandbox.answers import Answer, Approved, Processing, Refused
from app.sandbox.clock import iso
from app.sandbox.errors import Obj
from app.sandbox.invoice_objects import subscription_of
from app.sandbox.tables import Book
from app.sandbox.world import World


def record(
    world: World,
    book: Book,
    charge: Obj,
    invoice: Obj,
    *,
    resolved: Answer | None = None,
) -> None:
    """Write the charge down; `resolved` completes one that was pending."""
    if resolved is not None:
        entry = next(e for e in reversed(world.ledger) if e["charge"] == charge["id"])
        entry.update(_result(resolved), resolved_at=iso(world.now))
        return
    subscription = subscription_of(book, invoice)
    card = charge["payment_method_details"]["card"]
    refusal = _refusal_of(charge)
    world.ledger.append(
        {
            "number": len(world.ledger) + 1,
            "at": iso(world.now),
            "account": book.account_id,
            "livemode": book.livemode,
            "invoice": invoice["id"],
            "billing_reason": invoice["billing_reason"],
            "subscription": subscription and subscription["id"],
            "customer": invoice["customer"],
            "charge": charge["id"],
            "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"],
            "fingerprint": card["fingerprint"],
            "brand": card["brand"],
            "amount": charge["amount"],
            "currency": charge["currency"],
            "ok": {"succeeded": True, "failed": False}.get(charge["status"]),
            **refusal,
            "made_by": world.made.by,
            "request": world.made.request_id,
            "api_key": world.made.api_key,
            "idempotency_key": world.made.idempotency_key,
            "resolved_at": None,
        }
    )


def _refusal_of(charge: Obj) -> Obj:
    outcome = charge["outcome"]
    return {
        "outcome": outcome["type"],
        "decline_code": outcome["reason"],
        "advice_code": outcome["advice_code"],
        "network_advice_code": outcome["network_advice_code"],
        "network_decline_code": outcome["network_decline_code"],
    }


def _result(answer: Answer) -> Obj:
    match answer:
        case Approved():
            return {"ok": True}
        case Refused():
            return {"ok": False, "decline_code": answer.decline_code}
        case Processing():
            return {"ok": None}
