"""A Stripe that remembers what it charged and refuses some: the far end of the soak.

    python -m benchmarks.soak_stripe SECONDS SHARE

Each call takes SECONDS; that share of the invoices is declined whenever it is charged.
`GET /counts` tells the calls, the charges, and how often a key came twice or a paid
invoice was charged again. Prints its address.
"""

import asyncio
import sys
import time
import zlib
from collections import Counter, defaultdict
from functools import partial
from typing import Any

from benchmarks.stub_stripe import Answer, invoice, listen

Obj = dict[str, Any]
NO_MORE: Obj = {"object": "list", "data": [], "has_more": False}

counts: Counter[str] = Counter()
replies: dict[str, tuple[int, Obj]] = {}  # by idempotency key, as Stripe keeps them
charges: dict[str, list[Obj]] = defaultdict(list)  # by the invoice's number


def answer(method: str, path: str, key: str | None, *, share: float) -> Answer:
    """Status, body, and whether it is a replay."""
    place, _, query = path.partition("?")
    words = place.split("/")
    if place == "/counts":
        return 200, dict(counts), False
    counts["calls"] += 1
    if method == "POST" and words[-1] == "pay":
        if key in replies:
            counts["replayed"] += 1
            return (*replies[key], True)
        replies[key or ""] = _pay(words[3].removeprefix("in_"), share)
        return (*replies[key or ""], False)
    return 200, _read(words, query), False


def _pay(number: str, share: float) -> tuple[int, Obj]:
    counts["charges"] += 1
    if any(charge["paid"] for charge in charges[number]):
        counts["charged a paid invoice"] += 1
    is_declined = zlib.crc32(number.encode()) % 1000 < share * 1000
    made = _charge(number, is_declined=is_declined)
    charges[number].append(made)
    if not is_declined:
        return 200, _shown(number)
    error = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "charge": made["id"],
        "message": "Your card has insufficient funds.",
    }
    return 402, {"error": error}


def _charge(number: str, *, is_declined: bool) -> Obj:
    card = {"brand": "visa", "network": "visa", "fingerprint": f"card{number}"}
    reason = "insufficient_funds" if is_declined else None
    return {
        "id": f"ch_{number}x{len(charges[number])}",
        "object": "charge",
        "status": "failed" if is_declined else "succeeded",
        "paid": not is_declined,
        "created": int(time.time()),
        "amount": 1500,
        "currency": "usd",
        "customer": f"cus_{number}",
        "payment_intent": f"pi_{number}",
        "payment_method": f"pm_{number}",
        "failure_code": "card_declined" if is_declined else None,
        "outcome": {
            "type": "issuer_declined" if is_declined else "authorized",
            "reason": reason,
            "network_status": "declined_by_network" if is_declined else None,
        },
        "payment_method_details": {"type": "card", "card": {**card, "last4": "4242"}},
    }


def _shown(number: str) -> Obj:
    """The invoice as it stands after its charges."""
    made = charges.get(number, [])
    is_paid = any(charge["paid"] for charge in made)
    shown = invoice(f"in_{number}", status="paid" if is_paid else "open")
    intent = shown["payments"]["data"][0]["payment"]["payment_intent"]
    intent["latest_charge"] = made[-1]["id"] if made else None
    if is_paid:
        intent["status"] = "succeeded"
    method = {"default_payment_method": f"pm_{number}"}
    return {**shown, **method}


def _read(words: list[str], query: str) -> Obj:
    kind, id = words[2], words[3] if len(words) > 3 else None
    if kind == "charges" and id:
        number = id.removeprefix("ch_").partition("x")[0]
        return next(charge for charge in charges[number] if charge["id"] == id)
    if kind == "charges" and query.startswith("payment_intent="):
        number = query.split("payment_intent=pi_")[1].split("&")[0]
        newest_first = charges.get(number, [])[::-1]
        return {**NO_MORE, "data": newest_first}
    if kind == "payment_methods" and id:
        card = {"brand": "visa", "fingerprint": id.replace("pm_", "card")}
        method = {"id": id, "object": "payment_method", "type": "card"}
        return {**method, "card": {**card, "last4": "4242"}}
    if kind == "invoices" and id:
        return _shown(id.removeprefix("in_"))
    return NO_MORE


if __name__ == "__main__":
    seconds, share = float(sys.argv[1]), float(sys.argv[2])
    asyncio.run(listen(partial(answer, share=share), wait=seconds))
