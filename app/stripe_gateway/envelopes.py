"""Events, as values: the outside, the ids to look at, and the text as it came."""

import json
import re

from app.domain.snapshots import EventEnvelope
from app.stripe_gateway.fields import (
    Json,
    flag,
    moment,
    number,
    part,
    reference,
    text,
)

EVENT_ID = re.compile(r"evt_[A-Za-z0-9_]{1,250}")
EVENT_TYPE = re.compile(r"[a-z0-9_.]{1,100}")
# Where an invoice names its subscription since API version basil. An endpoint that the
# merchant made by hand may have an older version, with it at the top.
SUBSCRIPTION_OF = ("parent", "subscription_details", "subscription")


class NotAnEvent(ValueError):
    """Signed, but no snapshot event of Stripe's."""


def envelope(event: Json, payload: str) -> EventEnvelope:
    """The envelope of `event`, whose JSON text is `payload`. Raises NotAnEvent."""
    id, type, created = text(event, "id"), text(event, "type"), moment(event, "created")
    if event.get("object") != "event":
        raise NotAnEvent("this is no snapshot event")
    if not (id and EVENT_ID.fullmatch(id) and type and EVENT_TYPE.fullmatch(type)):
        raise NotAnEvent("the event has no usable id or type")
    if created is None:
        raise NotAnEvent("the event has no time")
    about = part(event, "data", "object")
    return EventEnvelope(
        id=id,
        type=type,
        livemode=flag(event, "livemode"),
        created=created,
        account=text(event, "account"),
        api_version=text(event, "api_version"),
        object_id=text(about, "id"),
        object_kind=text(about, "object"),
        customer_id=_customer_id(about),
        subscription_id=_subscription_id(about),
        billing_reason=text(about, "billing_reason"),
        payment_intent_id=reference(about, "payment_intent"),
        attempt_count=number(about, "attempt_count"),
        changed=tuple(part(event, "data", "previous_attributes")),
        request_id=text(event, "request", "id"),
        request_idempotency_key=text(event, "request", "idempotency_key"),
        payload=payload,
    )


def reopened(payload: str) -> EventEnvelope:
    """The envelope of an event that was verified when it came, without its text."""
    return envelope(json.loads(payload), "")


def envelope_or_none(event: Json) -> EventEnvelope | None:
    """The envelope of an event out of a list, None where it is unusable."""
    try:
        return envelope(event, json.dumps(event, separators=(",", ":")))
    except NotAnEvent:
        return None


def _customer_id(about: Json) -> str | None:
    own = text(about, "id") if about.get("object") == "customer" else None
    return own or reference(about, "customer")


def _subscription_id(about: Json) -> str | None:
    own = text(about, "id") if about.get("object") == "subscription" else None
    older = reference(about, "subscription")
    return own or reference(about, *SUBSCRIPTION_OF) or older
