"""Events as Stripe delivers them: shaped, signed, posted."""

import json
from datetime import datetime
from itertools import count
from typing import Any

from flask.testing import FlaskClient
from stripe import WebhookSignature
from werkzeug.test import TestResponse

from app import current
from app.domain.account import EventStatus
from app.storage.models import StripeAccount, StripeEvent
from app.storage.transaction import reading, transaction
from tests.builders import a_account
from tests.conftest import MONDAY

SECRET = "whsec_of_the_account"
PLATFORM_SECRET = "whsec_of_the_platform"

_numbers = count(1)


def an_event(type: str = "invoice.payment_failed", **over: Any) -> dict[str, Any]:
    """An event about one object; `object` adds to what that object says."""
    n = next(_numbers)
    about = {"id": f"in_{n:06d}", "object": "invoice", **over.pop("object", {})}
    return {
        "id": f"evt_{n:06d}",
        "object": "event",
        "type": type,
        "api_version": "2026-10-28.endive",
        "created": int(MONDAY.timestamp()),
        "livemode": False,
        "data": {"object": about},
        "request": {"id": None, "idempotency_key": None},
        **over,
    }


def a_kept_event(account_id: int | None, **over: Any) -> StripeEvent:
    """A stored event that waits to be handled; `over` goes into the event itself."""
    [row] = keep_events(account_id, [an_event(**over)])
    return row


def keep_events(
    account_id: int | None, events: list[dict[str, Any]]
) -> list[StripeEvent]:
    """Stored events that wait to be handled."""
    now = current.now()
    rows = [
        StripeEvent(
            stripe_event_id=event["id"],
            account_id=account_id,
            type=event["type"],
            object_id=event["data"]["object"]["id"],
            livemode=False,
            payload=json.dumps(event),
            occurred_at=now,
            received_at=now,
            try_at=now,
            status=EventStatus.PENDING,
        )
        for event in events
    ]
    with transaction() as session:
        session.add_all(rows)
    return rows


def the_event(row: StripeEvent) -> StripeEvent:
    """The row as it stands now."""
    with reading() as session:
        return session.get_one(StripeEvent, row.id)


def a_listening_account(**over: Any) -> StripeAccount:
    """A connected account whose webhooks are signed with SECRET."""
    sealed = current.vault().encrypt(SECRET)
    return a_account(**{"sealed_webhook_secret": sealed, **over})


def signature(body: str, secret: str = SECRET, *, at: datetime = MONDAY) -> str:
    """The header Stripe would send with `body`."""
    header = WebhookSignature.generate_signature_header(
        body, secret, timestamp=int(at.timestamp())
    )
    return str(header)


def deliver(
    client: FlaskClient,
    account: StripeAccount,
    event: dict[str, Any] | str,
    *,
    secret: str = SECRET,
    at: datetime = MONDAY,
) -> TestResponse:
    """Post `event` to the account's own address, signed."""
    body = event if isinstance(event, str) else json.dumps(event)
    return client.post(
        f"/webhooks/stripe/{account.connection_key}",
        data=body,
        content_type="application/json",
        headers={"Stripe-Signature": signature(body, secret, at=at)},
    )
