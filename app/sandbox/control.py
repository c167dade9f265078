"""The control plane under /_sandbox/: what no Stripe has and every test wants."""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from app.sandbox import founding
from app.sandbox.accounts import Account, RetrySettings
from app.sandbox.answers import read_answer
from app.sandbox.causes import demand_known
from app.sandbox.clock import iso, parse_time
from app.sandbox.errors import ApiError, Obj, invalid
from app.sandbox.faults import Fault
from app.sandbox.http import Answer, Request
from app.sandbox.permissions import plain
from app.sandbox.subscribers import Wish, subscribe
from app.sandbox.webhooks import note_answer, run_until
from app.sandbox.world import DeliverySettings, World

Command = Callable[[World, Obj], Any]


def answer_control(world: World, request: Request) -> Answer:
    """Answer one call to /_sandbox/; bodies and answers are JSON."""
    name = request.path.removeprefix("/_sandbox/")
    command = COMMANDS.get((request.method, name))
    try:
        if command is None:
            raise invalid(f"No control call {request.method} {name}", status=404)
        told = json.loads(request.body or b"{}")
        result = command(world, told)
    except ApiError as error:
        return _json(error.status, error.body)
    except (ValueError, TypeError, KeyError) as error:
        return _json(400, {"error": {"message": f"{type(error).__name__}: {error}"}})
    return _json(200, result)


def _json(status: int, body: Any) -> Answer:
    headers = {"Content-Type": "application/json"}
    return Answer(status, json.dumps(body).encode(), headers)


def clock(world: World, _told: Obj) -> Obj:
    return {"now": iso(world.now), "scheduled": len(world.schedule)}


def advance(world: World, told: Obj) -> Obj:
    """{"to": ISO time} or {"seconds": n}: let time pass, then write the clock file."""
    until = parse_time(told["to"]) if "to" in told else world.now + int(told["seconds"])
    if until < world.now:
        raise invalid(f"The clock already shows {iso(world.now)}.")
    run_until(world, until)
    with world.lock:
        world.set_clock(until)
    return {"now": iso(world.now)}


def settle(world: World, _told: Obj) -> Obj:
    """Wait until everything that is due now has happened and been delivered."""
    run_until(world, world.now)
    return {"now": iso(world.now)}


def script(world: World, told: Obj) -> Obj:
    """{"payment_method" | "customer": id, "answers": [...], "default": answer}."""
    name = told.get("payment_method") or told["customer"]
    answers, default = list(told.get("answers", [])), told.get("default")
    for answer in [*answers, default]:
        if answer is not None:
            read_answer(answer, brand="visa")
    with world.lock:
        world.scripts[name] = {"answers": answers, "default": default}
    return {"scripted": name, "answers": len(answers)}


def causes(world: World, told: Obj) -> Obj:
    """{"payment_method": id, "causes": [{"kind": ...}]}: give a card its troubles."""
    for cause in told["causes"]:
        demand_known(cause)
    with world.lock:
        world.causes[told["payment_method"]] = list(told["causes"])
    return {"causes": len(told["causes"])}


def subscriber(world: World, told: Obj) -> Obj:
    """{"account", "livemode", fields of subscribers.Wish}: a paying customer."""
    with world.lock:
        account = world.account(told.pop("account", founding.MERCHANT))
        book = account.book(livemode=told.pop("livemode", False))
        return subscribe(world, book, Wish(**told))


def add_account(world: World, told: Obj) -> Obj:
    """{"id", "name", "country", "currency", "client_id", "redirect_uris"}."""
    with world.lock:
        account_id = told.get("id") or world.ids.new("acct", length=16)
        account = founding.add_account(
            world,
            Account(
                id=account_id,
                name=told.get("name", "Another Shop"),
                email=told.get("email", "owner@example.com"),
                country=told.get("country", "US"),
                currency=told.get("currency", "usd"),
                client_id=told.get("client_id"),
                redirect_uris=told.get("redirect_uris", []),
            ),
        )
    return {"id": account.id}


def settings(world: World, told: Obj) -> Obj:
    """Change an account's own retries, or how webhooks travel.

    {"account": id, "retries": {"mode": "none"|"custom"|"smart", "days": [3, 5, 7],
    "at_the_end": "cancel"|"unpaid"|"leave", "invoice_at_the_end":
    "leave"|"uncollectible", "automations": false}, "deliveries": {"mode":
    "send"|"hold", "duplicates": 0..1, "drop": 0..1, "shuffle": bool, "delay":
    [from, to], "workers": n, "timeout": seconds}}
    """
    with world.lock:
        account = world.account(told.get("account", founding.MERCHANT))
        _assign(account.retries, told.get("retries", {}), RetrySettings)
        _assign(world.delivery, told.get("deliveries", {}), DeliverySettings)
        world.delivery.delay = (world.delivery.delay[0], world.delivery.delay[1])
        return {
            "retries": asdict(account.retries),
            "deliveries": asdict(world.delivery),
        }


def _assign(target: Any, told: Obj, kind: type[Any]) -> None:
    known = {field.name for field in fields(kind)}
    for name, value in told.items():
        if name not in known:
            raise invalid(f"No such setting: {name}", param=name)
        setattr(target, name, value)


def keys(world: World, told: Obj) -> Obj:
    """Add or change a key.

    {"key": secret, "account": id, "permissions": [...] | null, "grant": [...],
    "revoke": [...], "expired": bool}
    """
    with world.lock:
        key = world.keyring.keys.get(told["key"])
        if key is None:
            key = founding.add_key(
                world,
                world.account(told["account"]).id,
                secret=told["key"],
                permissions=told.get("permissions"),
            )
        elif "permissions" in told:
            wanted = told["permissions"]
            key.permissions = None if wanted is None else plain(wanted)
        if key.permissions is not None:
            key.permissions |= plain(told.get("grant", []))
            key.permissions -= plain(told.get("revoke", []))
        key.expired = told.get("expired", key.expired)
        allowed = key.permissions
    return {"key": key.secret, "permissions": allowed and sorted(allowed)}


def connect(world: World, told: Obj) -> Obj:
    """{"account", "platform", "livemode", "granted": bool}: without the OAuth pages."""
    grant = (told.get("platform", founding.PLATFORM), told.get("livemode", False))
    with world.lock:
        granted = world.account(told["account"]).granted
        granted.add(grant) if told.get("granted", True) else granted.discard(grant)
    return {"granted": grant in granted}


def add_fault(world: World, told: Obj) -> Obj:
    """The fields of faults.Fault; {"clear": true} takes all faults away."""
    with world.lock:
        if told.pop("clear", False):
            world.faults.clear()
        else:
            world.faults.append(Fault(**told))
    return {"faults": len(world.faults)}


def ledger(world: World, _told: Obj) -> list[Obj]:
    with world.lock:
        return list(world.ledger)


def calls(world: World, _told: Obj) -> Obj:
    """Return how often each address was called, and the last two thousand calls."""
    with world.lock:
        counts = [
            {"account": account, "method": method, "path": path, "count": count}
            for (account, method, path), count in sorted(world.calls.items())
        ]
        return {"counts": counts, "recent": list(world.recent_calls)}


def deliveries(world: World, _told: Obj) -> list[Obj]:
    """Return every delivery of an event and what became of it."""
    with world.lock:
        return [
            {
                "number": delivery.number,
                "event": delivery.event["id"],
                "type": delivery.event["type"],
                "account": delivery.book.account_id,
                "endpoint": delivery.endpoint["id"],
                "status": delivery.status,
                "tries": delivery.tries,
                "answer": delivery.answer,
                "copy": delivery.is_copy,
            }
            for delivery in world.deliveries
        ]


def take_held(world: World, _told: Obj) -> list[Obj]:
    """Hand over what was held instead of sent, signed; it counts as delivered."""
    run_until(world, world.now)
    with world.lock:
        taken, world.held = world.held, []
        handed = []
        for delivery in taken:
            payload, headers = delivery.signed()
            note_answer(world, delivery, 200)
            handed.append(
                {
                    "url": delivery.endpoint["url"],
                    "body": payload.decode(),
                    "headers": headers,
                }
            )
        return handed


COMMANDS: dict[tuple[str, str], Command] = {
    ("GET", "clock"): clock,
    ("POST", "advance"): advance,
    ("POST", "settle"): settle,
    ("POST", "script"): script,
    ("POST", "causes"): causes,
    ("POST", "subscriber"): subscriber,
    ("POST", "accounts"): add_account,
    ("POST", "settings"): settings,
    ("POST", "keys"): keys,
    ("POST", "connect"): connect,
    ("POST", "faults"): add_fault,
    ("GET", "ledger"): ledger,
    ("GET", "calls"): calls,
    ("GET", "deliveries"): deliveries,
    ("POST", "deliveries/take"): take_held,
}
