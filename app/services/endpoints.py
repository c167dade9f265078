"""The webhook endpoint of an account connected by key: made by API, or by hand."""

import logging
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from app import current
from app.config import STRIPE_API_BASE, Config
from app.domain.account import ConnectionKind, ConnectionStatus
from app.domain.api_keys import webhook_secret
from app.domain.event_types import HANDLED_TYPES
from app.domain.snapshots import WebhookEndpoint
from app.services import connections
from app.services.audit import note
from app.storage.models import StripeAccount
from app.storage.transaction import reading, transaction
from app.stripe_gateway import (
    Gateway,
    Gone,
    PermissionMissing,
    Refused,
    StripeTrouble,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What making an endpoint needs to know, free of any session."""

    url: str
    livemode: bool
    old_id: str | None


def address_of(account: StripeAccount) -> str:
    """Where Stripe sends this account's events."""
    return f"{current.config().public_url}/webhooks/stripe/{account.connection_key}"


def fault_of_address(config: Config, *, livemode: bool) -> str | None:
    """Why Stripe could not deliver to PUBLIC_URL, in a sentence; None if it could."""
    if config.stripe_api_base != STRIPE_API_BASE:
        return None  # a sandbox reaches what we reach
    host = urlsplit(config.public_url).hostname or ""
    if _is_private(host):
        return (
            f"Stripe cannot reach {config.public_url} from the internet. Set "
            "PUBLIC_URL to the address at which this panel is reachable from outside."
        )
    if livemode and not config.serves_https:
        return "Stripe delivers live events to https addresses only."
    return None


def ensure(account_id: int, *, user_id: int | None, now: datetime) -> bool:
    """Make the endpoint if that can be done; else the account's row says why not."""
    wanted = _wanted(account_id)
    note = fault_of_address(current.config(), livemode=wanted.livemode)
    if note is None:
        made = _make(connections.gateway_of(account_id), wanted)
        if isinstance(made, WebhookEndpoint):
            _keep(account_id, made, user_id=user_id, now=now)
            return True
        note = made
    with transaction() as session:
        session.get_one(StripeAccount, account_id).webhook_note = note
    return False


def replace_secret(account_id: int, *, user_id: int | None, now: datetime) -> bool:
    """A new endpoint with a new secret, then the old one goes: no event is lost.

    Stripe tells a secret only once, so a lost one means a new endpoint. While both
    exist each event comes twice and is stored once; what the old one still owed is
    fetched by the next comparison with Stripe, which is brought forward.
    """
    old_id = _wanted(account_id).old_id
    if not ensure(account_id, user_id=user_id, now=now):
        return False
    if old_id is not None:
        try:
            connections.gateway_of(account_id).delete_webhook_endpoint(old_id)
        except Gone:
            pass
        except StripeTrouble as trouble:
            log.warning("the old endpoint %s stays at Stripe: %s", old_id, trouble)
    return True


def save_secret(
    account_id: int, pasted: str, *, user_id: int | None, now: datetime
) -> None:
    """Keep the secret of an endpoint made by hand; KeyRefused if it is none."""
    sealed = current.vault().encrypt(webhook_secret(pasted))
    with transaction() as session:
        account = session.get_one(StripeAccount, account_id)
        if account.status is ConnectionStatus.DISCONNECTED:
            return
        account.sealed_old_webhook_secret = account.sealed_webhook_secret
        account.sealed_webhook_secret = sealed
        account.reconciled_at = None
        note(
            session,
            "account.webhook_secret_given",
            account_id=account_id,
            user_id=user_id,
            now=now,
        )


def _wanted(account_id: int) -> _Wanted:
    with reading() as session:
        account = session.get_one(StripeAccount, account_id)
        assert account.kind is ConnectionKind.KEY
        return _Wanted(
            url=address_of(account),
            livemode=account.livemode,
            old_id=account.stripe_webhook_endpoint_id,
        )


def _make(gateway: Gateway, wanted: _Wanted) -> WebhookEndpoint | str:
    """The new endpoint, or why there is none."""
    _clear_forgotten(gateway, wanted)
    try:
        return gateway.create_webhook_endpoint(wanted.url, HANDLED_TYPES)
    except PermissionMissing:
        # Writing implies reading: this is the one permission to ask for.
        return (
            "The key lacks the permission rak_webhook_write, so the webhook is yours "
            "to make."
        )
    except Refused as refusal:
        return f"Stripe refused to make the webhook: {refusal.sentence}"
    except StripeTrouble:
        return "Stripe did not answer when the webhook was to be made."


def _clear_forgotten(gateway: Gateway, wanted: _Wanted) -> None:
    """Remove endpoints whose secret was lost on the way, by a crash for instance.

    One that stays sends each event twice, signed with a secret that nobody has: no
    reason to go without an endpoint.
    """
    try:
        for endpoint in gateway.webhook_endpoints():
            if endpoint.url == wanted.url and endpoint.id != wanted.old_id:
                gateway.delete_webhook_endpoint(endpoint.id)
    except StripeTrouble as trouble:
        log.warning("forgotten endpoints stay at Stripe: %s", trouble)


def _keep(
    account_id: int, made: WebhookEndpoint, *, user_id: int | None, now: datetime
) -> None:
    assert made.secret is not None
    with transaction() as session:
        account = session.get_one(StripeAccount, account_id)
        account.sealed_old_webhook_secret = account.sealed_webhook_secret
        account.sealed_webhook_secret = current.vault().encrypt(made.secret)
        account.stripe_webhook_endpoint_id = made.id
        account.webhook_note = None
        account.reconciled_at = None
        note(
            session,
            "account.webhook_made",
            detail=made.id,
            account_id=account_id,
            user_id=user_id,
            now=now,
        )


def _is_private(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".localhost", ".internal"))
