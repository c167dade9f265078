"""Events: one for each change, kept for `GET /v1/events` and sent to endpoints."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import stripe

from app.sandbox.errors import Obj
from app.sandbox.tables import Book
from app.sandbox.webhooks import send_later
from app.sandbox.world import World, copied

API_VERSION = stripe.api_version


def emit(
    world: World,
    book: Book,
    event_type: str,
    about: Obj,
    *,
    previous: Obj | None = None,
) -> Obj:
    """Keep an event with a copy of the object as it is now, and send it off.

    `request.id` is null for what Stripe does by itself.
    """
    data: Obj = {"object": copied(about)}
    if previous is not None:
        data["previous_attributes"] = previous
    event = {
        "id": world.ids.new("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": world.now,
        "data": data,
        "livemode": book.livemode,
        "pending_webhooks": 0,
        "request": {
            "id": world.made.request_id,
            "idempotency_key": world.made.idempotency_key,
        },
        "type": event_type,
    }
    book.events.add(event)
    send_later(world, book, event)
    return event


@contextmanager
def changing(
    world: World, book: Book, event_type: str | None, about: Obj
) -> Iterator[None]:
    """Emit `event_type` afterwards, with what the changed fields held before.

    Nothing is emitted where nothing changed.
    """
    before = copied(about)
    yield
    previous = differing(before, about)
    if previous and event_type:
        emit(world, book, event_type, about, previous=previous)


def differing(before: Obj, after: Obj) -> Obj:
    """Return the old values of the fields that changed, as previous_attributes."""
    fields = before.keys() | after.keys()
    return {
        f: _old(before.get(f), after.get(f))
        for f in sorted(fields)
        if before.get(f) != after.get(f)
    }


def _old(before: Any, after: Any) -> Any:
    if isinstance(before, dict) and isinstance(after, dict):
        return differing(before, after)
    return before
