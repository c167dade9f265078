"""A Stripe that answers every call after the same wait: a limit, not a stand-in.

    python -m benchmarks.stub_stripe SECONDS

Prints its address. It knows three calls: read an invoice, pay it (always approved),
list the charges of its payment; every other list is empty. `GET /counts` tells how
often each was made, and how many payments came with a key that was used before.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

# Status, body, and whether it is a replay.
Answer = tuple[int, dict[str, Any], bool]
# To a call: its method, its path with the query, its idempotency key.
Answers = Callable[[str, str, str | None], Answer]

counts: Counter[str] = Counter()
keys: set[str] = set()
paid_in: Counter[int] = Counter()  # payments in each second of the loop's clock


def invoice(id: str, *, status: str) -> dict[str, Any]:
    number = id.removeprefix("in_")
    remaining = 0 if status == "paid" else 1500
    intent = {
        "id": f"pi_{number}",
        "object": "payment_intent",
        "status": "requires_payment_method",
        "latest_charge": None,
    }
    payment = {
        "id": f"inpay_{number}",
        "object": "invoice_payment",
        "status": "open",
        "is_default": True,
        "payment": {"type": "payment_intent", "payment_intent": intent},
    }
    return {
        "id": id,
        "object": "invoice",
        "status": status,
        "customer": f"cus_{number}",
        "livemode": False,
        "currency": "usd",
        "amount_due": 1500,
        "amount_remaining": remaining,
        "amount_paid": 1500 - remaining,
        "billing_reason": "subscription_cycle",
        "collection_method": "charge_automatically",
        "attempted": True,
        "attempt_count": 1,
        "payments": {"object": "list", "data": [payment], "has_more": False},
        "padding": "x" * 2_000,
    }


def _charges(intent: str) -> dict[str, Any]:
    number = intent.removeprefix("pi_")
    charge = {
        "id": f"ch_{number}",
        "object": "charge",
        "status": "succeeded",
        "paid": True,
        "created": 1_790_000_000,
        "amount": 1500,
        "currency": "usd",
        "customer": f"cus_{number}",
        "payment_intent": intent,
        "padding": "x" * 2_000,
    }
    return {"object": "list", "data": [charge], "has_more": False}


def _answer(method: str, path: str, key: str | None) -> Answer:
    return 200, _body(method, path, key), False


def _body(method: str, path: str, key: str | None) -> dict[str, Any]:
    place, _, query = path.partition("?")
    if place == "/counts":
        # The first and the last second are not whole.
        seconds = sorted(paid_in)[1:-1]
        return {**counts, "by_second": [paid_in[second] for second in seconds]}
    words = place.split("/")
    counts["calls"] += 1
    if method == "POST" and words[-1] == "pay":
        counts["paid"] += 1
        counts["repeated"] += key in keys
        keys.add(key or "")
        paid_in[int(asyncio.get_running_loop().time())] += 1
        return invoice(words[3], status="paid")
    if len(words) == 3 and not query.startswith("payment_intent="):
        return {"object": "list", "data": [], "has_more": False}
    if words[2] == "charges":
        return _charges(query.split("payment_intent=")[1].split("&")[0])
    return invoice(words[3], status="open")


async def listen(answer: Answers, *, wait: float) -> None:
    """Print the address and answer, each call after `wait` seconds but `/counts`."""
    server = await asyncio.start_server(
        lambda reader, writer: _serve(reader, writer, answer, wait=wait), "127.0.0.1", 0
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


async def _serve(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answer: Answers,
    *,
    wait: float,
) -> None:
    """One kept-alive connection, call by call."""
    while True:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        first, *lines = head.split("\r\n")
        headers = {
            name.lower(): value
            for name, _, value in (line.partition(": ") for line in lines)
        }
        await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = first.split(" ")
        if path != "/counts":
            await asyncio.sleep(wait)
        status, body, is_replay = answer(method, path, headers.get("idempotency-key"))
        text = json.dumps(body).encode()
        replayed = b"Idempotent-Replayed: true\r\n" if is_replay else b""
        writer.write(
            b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%s"
            b"Content-Length: %d\r\n\r\n%s" % (status, replayed, len(text), text)
        )


if __name__ == "__main__":
    asyncio.run(listen(_answer, wait=float(sys.argv[1])))
