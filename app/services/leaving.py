"""Leaving an account: nothing is charged any more, what we know is kept."""

import logging
from datetime import datetime

from app.domain.account import ConnectionKind, ConnectionStatus
from app.services import accounts, connections, platform, sweeping
from app.services.account_rows import connected_row
from app.services.audit import note
from app.storage.models import StripeAccount
from app.storage.transaction import reading, transaction
from app.stripe_gateway import CredentialsRefused, Gone, PermissionMissing

log = logging.getLogger(__name__)

DEAUTHORIZED = (
    "Access was withdrawn at Stripe. Nothing is charged any more; connect again to "
    "go on."
)


def disconnect(account_id: int, *, user_id: int | None, now: datetime) -> str | None:
    """Leave the account: nothing is charged any more, what we know is kept.

    Returns a sentence when Stripe refused to clean up on its side, else None.
    """
    accounts.switch(account_id, is_on=False, user_id=user_id, now=now)
    left_over = _leave_stripe(account_id)
    with transaction() as session:
        account = connected_row(session, account_id)
        _forget(account, now=now)
        note(
            session,
            "account.disconnected",
            detail=left_over or "",
            account_id=account_id,
            user_id=user_id,
            now=now,
        )
    sweeping.close_all(account_id, now=now)
    return left_over


def deauthorized(account_id: int, *, now: datetime) -> None:
    """The merchant withdrew our access at Stripe: stop, there is nothing to clean.

    Stripe is asked first, and StripeTrouble raised when it gives no answer: the event
    may be days old, or tell of our own leaving, and access have been given anew.
    """
    if _is_let_in(account_id):
        return
    with transaction() as session:
        account = session.get(StripeAccount, account_id)
        if account is None or account.status is ConnectionStatus.DISCONNECTED:
            return
        account.is_on = False
        account.switched_at = now
        _forget(account, now=now)
        account.trouble = DEAUTHORIZED
        note(
            session,
            "account.deauthorized",
            account_id=account_id,
            user_id=None,
            now=now,
        )
    sweeping.close_all(account_id, now=now)


def _is_let_in(account_id: int) -> bool:
    with reading() as session:
        account = session.get_one(StripeAccount, account_id)
    try:
        connections.gateway_of(account_id).account()
    except PermissionMissing:
        # A restricted key that may not tell whose it is still works.
        return account.kind is ConnectionKind.KEY
    except (CredentialsRefused, connections.NotConnected):
        return False
    return True


def _leave_stripe(account_id: int) -> str | None:
    """Undo at Stripe what connecting did; a sentence when that failed."""
    with reading() as session:
        account = session.get_one(StripeAccount, account_id)
    try:
        if account.kind is ConnectionKind.CONNECT:
            # Of the other mode it would end an access that is not this one.
            connections.gateway_of(account_id)
            platform.of_settings().deauthorize(account.stripe_account_id)
        elif account.stripe_webhook_endpoint_id:
            gateway = connections.gateway_of(account_id)
            gateway.delete_webhook_endpoint(account.stripe_webhook_endpoint_id)
    except Gone:
        return None
    except connections.NO_ANSWER as trouble:
        log.warning("account %s was left, but not at Stripe: %s", account_id, trouble)
        return _by_hand(account)
    if account.kind is ConnectionKind.KEY and account.webhook_note:
        return _by_hand(account)
    return None


def _by_hand(account: StripeAccount) -> str:
    if account.kind is ConnectionKind.CONNECT:
        return (
            "Stripe did not confirm that our access ended. Remove it yourself: Stripe "
            "Dashboard, Settings, Installed apps and extensions."
        )
    return (
        "The webhook endpoint at Stripe could not be removed from here. Delete it "
        "yourself: Stripe Dashboard, Developers, Webhooks."
    )


def _forget(account: StripeAccount, *, now: datetime) -> None:
    account.status = ConnectionStatus.DISCONNECTED
    account.disconnected_at = now
    account.trouble = None
    account.sealed_api_key = None
    account.sealed_webhook_secret = None
    account.sealed_old_webhook_secret = None
    account.stripe_webhook_endpoint_id = None
    account.webhook_note = None
