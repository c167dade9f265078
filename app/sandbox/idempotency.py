"""Stored results of POSTs: https://docs.stripe.com/api/idempotent_requests."""

import hashlib
from dataclasses import dataclass

from app.sandbox.clock import DAY
from app.sandbox.errors import ApiError
from app.sandbox.http import Answer
from app.sandbox.world import World

LONGEST = 255
KEPT = DAY
Name = tuple[str, bool, str]  # account, mode, key


@dataclass(slots=True)
class Stored:
    """What a key was first used for; without an answer it is still running."""

    fingerprint: str
    at: int
    request_id: str
    answer: Answer | None = None


def fingerprint_of(method: str, path: str, body: bytes) -> str:
    digest = hashlib.sha256(f"{method} {path}\n".encode())
    digest.update(b"&".join(sorted(body.split(b"&"))))
    return digest.hexdigest()


def claim(world: World, name: Name, fingerprint: str, request_id: str) -> Answer | None:
    """Return the stored answer of this key, or None after taking it for this call."""
    key = name[2]
    if len(key) > LONGEST:
        raise _refusal(400, f"Idempotency keys have at most {LONGEST} characters.")
    stored = world.stored_results.get(name)
    if stored is None or stored.at <= world.now - KEPT:
        world.stored_results[name] = Stored(fingerprint, world.now, request_id)
        return None
    if stored.fingerprint != fingerprint:
        raise _refusal(
            400,
            "Keys for idempotent requests can only be used with the same parameters "
            f"they were first used with. Try using a key other than '{key}' if you "
            "meant to execute a different request.",
        )
    if stored.answer is None:
        raise _refusal(
            409,
            "There is currently another in-progress request using this Idempotent "
            f"Key (that probably means you submitted twice): {key}.",
            code="idempotency_key_in_use",
        )
    return _replay(stored, request_id)


def keep(world: World, name: Name, answer: Answer) -> None:
    """Store the result, declines and server errors included."""
    world.stored_results[name].answer = answer


def forget(world: World, name: Name) -> None:
    """Let the key go: nothing had begun to run."""
    world.stored_results.pop(name, None)


def _replay(stored: Stored, request_id: str) -> Answer:
    answer = stored.answer or Answer(500, b"")
    headers = {
        **answer.headers,
        "Idempotent-Replayed": "true",
        "Original-Request": stored.request_id,
        "Request-Id": request_id,
    }
    return Answer(answer.status, answer.body, headers)


def _refusal(status: int, message: str, *, code: str | None = None) -> ApiError:
    error = {"type": "idempotency_error", "code": code, "message": message}
    return ApiError(status, error, began=False)
