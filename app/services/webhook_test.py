"""'Send me a test': does our own webhook address lead to us, from outside?

The event is signed like Stripe's and goes the whole way: name, proxy, signature,
storage. It leaves from this machine, so a firewall that lets us through and Stripe not
can still deceive; only a real event proves the rest.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime

import requests
from sqlalchemy import select

from app import current
from app.domain.account import ConnectionKind
from app.domain.event_types import OUR_TEST
from app.services import endpoints, platform
from app.storage.models import StripeAccount, StripeEvent
from app.storage.transaction import reading, refuse_inside_transaction
from app.vault import SecretUnreadable

SECONDS = 10


@dataclass(frozen=True, slots=True)
class Tested:
    """How the test went, in a sentence for the owner."""

    arrived: bool
    sentence: str


def send(account_id: int, *, now: datetime) -> Tested:
    """Send a test event to the account's webhook address and see whether it is kept."""
    refuse_inside_transaction()
    with reading() as session:
        account = session.get_one(StripeAccount, account_id)
    try:
        address, secret = _target(account)
    except SecretUnreadable as fault:
        return Tested(False, f"{str(fault).capitalize()}.")
    if secret is None:
        return Tested(False, "There is no signing secret yet, so nothing can arrive.")
    event_id = f"evt_metricsco{secrets.token_hex(12)}"
    body = _event(account, event_id, now=now)
    try:
        answer = requests.post(
            address,
            data=body,
            headers={
                "Content-Type": "application/json",
                "Stripe-Signature": _signature(body, secret, now=now),
            },
            timeout=SECONDS,
            allow_redirects=False,
        )
    except requests.RequestException:
        return Tested(False, f"Nothing answers at {address}. {_HOW}")
    if answer.status_code != 200:
        return Tested(
            False,
            f"{address} answered {answer.status_code}; another program may sit there, "
            f"or the signature was changed on the way. {_HOW}",
        )
    if not _is_kept(event_id):
        return Tested(
            False, f"{address} answered, but it is not this panel that did. {_HOW}"
        )
    return Tested(True, f"The test event arrived through {address}.")


_HOW = (
    "PUBLIC_URL must be the address at which the internet reaches this panel: "
    "through a reverse proxy with https, a tunnel, or for a try `stripe listen "
    "--forward-to`, whose own whsec_ secret then has to be given here."
)


def _target(account: StripeAccount) -> tuple[str, str | None]:
    if account.kind is ConnectionKind.CONNECT:
        return platform.webhook_address(), platform.webhook_secret()
    sealed = account.sealed_webhook_secret
    secret = current.vault().decrypt(sealed) if sealed else None
    return endpoints.address_of(account), secret


def _event(account: StripeAccount, event_id: str, *, now: datetime) -> bytes:
    return json.dumps(
        {
            "id": event_id,
            "object": "event",
            "type": OUR_TEST,
            "account": account.stripe_account_id,
            "livemode": account.livemode,
            "created": int(now.timestamp()),
            "data": {"object": {"id": "test", "object": "test"}},
        }
    ).encode()


def _signature(body: bytes, secret: str, *, now: datetime) -> str:
    """Stripe's header: HMAC-SHA256 of time, dot and body (docs.stripe.com/webhooks)."""
    at = int(now.timestamp())
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"


def _is_kept(event_id: str) -> bool:
    with reading() as session:
        found = session.scalar(
            select(StripeEvent.id).where(StripeEvent.stripe_event_id == event_id)
        )
    return found is not None
