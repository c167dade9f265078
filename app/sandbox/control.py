"""The control plane under /_sandbox/: what no Stripe has and every test wants."""

import json
import logging
from collections.abc import Callable
from typing import Any

from app.sandbox import acts, founding
from app.sandbox.clock import iso, parse_time
from app.sandbox.errors import ApiError, Obj, invalid
from app.sandbox.faults import Fault
from app.sandbox.http import Answer, Request
from app.sandbox.snapshots import replace
from app.sandbox.webhooks import note_answer, run_until
from app.sandbox.world import World

log = logging.getLogger(__name__)
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
        log.info("%s was told something odd", name, exc_info=True)
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


def reset(world: World, told: Obj) -> Obj:
    """{"seed": n, "now": ISO time}: begin again; the only way back in time."""
    now = parse_time(told["now"]) if "now" in told else world.now
    fresh = founding.found(founding.Founding(seed=told.get("seed", 0), now=now))
    replace(world, fresh)
    world.set_clock(now)
    return {"now": iso(world.now)}


def speed(world: World, told: Obj) -> Obj:
    """{"hours_per_second": n}: let the clock run by itself; 0 stops it."""
    world.speed = float(told["hours_per_second"])
    return {"hours_per_second": world.speed}


COMMANDS: dict[tuple[str, str], Command] = {
    ("GET", "clock"): clock,
    ("POST", "advance"): advance,
    ("POST", "settle"): settle,
    ("POST", "speed"): speed,
    ("POST", "reset"): reset,
    ("POST", "seed"): acts.seed,
    ("POST", "person"): acts.person,
    ("POST", "script"): acts.script,
    ("POST", "causes"): acts.causes,
    ("POST", "subscriber"): acts.subscriber,
    ("POST", "accounts"): acts.add_account,
    ("POST", "settings"): acts.settings,
    ("POST", "keys"): acts.keys,
    ("POST", "connect"): acts.connect,
    ("POST", "faults"): add_fault,
    ("GET", "ledger"): ledger,
    ("GET", "calls"): calls,
    ("GET", "deliveries"): deliveries,
    ("POST", "deliveries/take"): take_held,
}
