"""The connected Stripe accounts: connect by key, and the switch."""

import secrets
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import current
from app.domain.account import ConnectionKind, ConnectionStatus
from app.domain.recovery import ClosedAs, PauseCause, RecoveryStatus
from app.domain.snapshots import AccountSnapshot
from app.services import endpoints, imports
from app.services.account_rows import AccountRefused, connected_row, mode_of
from app.services.audit import note
from app.services.key_access import examine, follow_checks, key_of
from app.storage.models import AuditEntry, Recovery, StripeAccount
from app.storage.transaction import reading, transaction

# What people did to a recovery, as the trail calls it.
PAUSED = "recovery.pause"
ENDS_A_PAUSE = ("recovery.resume", "recovery.retry_now")


class AlreadyConnected(AccountRefused):
    """The same account, in the same mode, is connected here already."""

    def __init__(self, account: StripeAccount) -> None:
        self.account_id = account.id
        way = "by key" if account.kind is ConnectionKind.KEY else "with Stripe Connect"
        super().__init__(
            f"{account.stripe_account_id} ({mode_of(account)} mode) is connected here "
            f"already, {way}, since {account.connected_at:%d %B %Y}. Nothing was "
            "changed. To renew its key use 'Replace the key'; to connect it another "
            "way, disconnect it first."
        )


def connect_with_key(api_key: str, *, user_id: int | None, now: datetime) -> int:
    """Connect the account of a restricted key; returns our id of it.

    Raises AccountRefused with a sentence for the owner when the key is no restricted
    key, Stripe does not take it, or its account is connected already. A key that lacks
    a needed permission is kept: the account then stands in trouble, which names it.
    """
    key = key_of(api_key)
    snapshot, checks = examine(key)
    try:
        with transaction() as session:
            account = attach(session, snapshot, kind=ConnectionKind.KEY, now=now)
            account.sealed_api_key = current.vault().encrypt(key.text)
            follow_checks(account, checks, now=now)
            note(
                session,
                "account.connected",
                detail=f"{snapshot.id} ({mode_of(account)}) with a restricted key",
                account_id=account.id,
                user_id=user_id,
                now=now,
            )
    except IntegrityError:
        # Another request connected the same account in the same moment.
        raise AccountRefused("This account has just been connected here.") from None
    endpoints.ensure(account.id, user_id=user_id, now=now)
    return account.id


def switch(account_id: int, *, is_on: bool, user_id: int | None, now: datetime) -> None:
    """Set the switch. Off: from this moment no retry starts. On: what came due
    meanwhile is planned anew, not fired all at once."""
    with reading() as session:
        if connected_row(session, account_id).is_on is is_on:
            return
    with transaction() as session:
        account = connected_row(session, account_id)
        account.is_on = is_on
        account.switched_at = now
        if is_on:
            account.charges_from = now
        note(
            session,
            "account.switched_on" if is_on else "account.switched_off",
            account_id=account_id,
            user_id=user_id,
            now=now,
        )


def attach(
    session: Session, snapshot: AccountSnapshot, *, kind: ConnectionKind, now: datetime
) -> StripeAccount:
    """The account's row, connected and switched on, with its import to be done.

    A disconnected account gets its old row back, and so its history.
    """
    account = _row_of(session, snapshot)
    if account is None:
        account = StripeAccount(
            stripe_account_id=snapshot.id, livemode=snapshot.livemode
        )
        session.add(account)
    elif account.status is ConnectionStatus.DISCONNECTED:
        _take_up_again(session, account.id, now=now)
    elif _is_renewed(account, kind):
        account.status, account.trouble = ConnectionStatus.CONNECTED, None
        account.hold_until = None
        # What came due in the meantime is planned anew, not fired all at once.
        account.charges_from = now
        return account
    else:
        raise AlreadyConnected(account)
    account.kind = kind
    account.name = (snapshot.name or account.name or snapshot.id)[:255]
    account.country = snapshot.country or account.country
    account.timezone = snapshot.timezone or account.timezone
    account.connection_key = secrets.token_urlsafe(32)
    account.status = ConnectionStatus.CONNECTED
    account.trouble = None
    account.hold_until = None
    account.is_on = True
    account.switched_at = account.connected_at = account.charges_from = now
    account.disconnected_at = None
    account.last_event_at = account.events_compared_at = None
    account.permissions = []
    session.flush()
    imports.begin(session, account.id, now=now)
    return account


def _row_of(session: Session, snapshot: AccountSnapshot) -> StripeAccount | None:
    return session.scalar(
        select(StripeAccount)
        .where(
            StripeAccount.stripe_account_id == snapshot.id,
            StripeAccount.livemode == snapshot.livemode,
        )
        .with_for_update()
    )


def _is_renewed(account: StripeAccount, kind: ConnectionKind) -> bool:
    """Whether this is lost access that Stripe has just given back."""
    return (
        account.status is ConnectionStatus.TROUBLE
        and account.kind is kind is ConnectionKind.CONNECT
    )


def _take_up_again(session: Session, account_id: int, *, now: datetime) -> None:
    """What was closed only because the account left is open again; what a person had
    paused is paused again.

    It has no plan until the import has looked at its invoice, so nothing is charged
    that was paid or canceled meanwhile.
    """
    closed = (
        update(Recovery)
        .where(
            Recovery.account_id == account_id,
            Recovery.status == RecoveryStatus.CLOSED,
            Recovery.closed_as == ClosedAs.DISCONNECTED,
            Recovery.deadline_at > now,
        )
        .values(closed_as=None, ended_at=None)
        .execution_options(synchronize_session=False)
    )
    last_done = (
        select(AuditEntry.action)
        .where(
            AuditEntry.recovery_id == Recovery.id,
            AuditEntry.action.in_((PAUSED, *ENDS_A_PAUSE)),
        )
        .order_by(AuditEntry.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    session.execute(
        closed.where(last_done == PAUSED).values(
            status=RecoveryStatus.PAUSED,
            paused_because=PauseCause.PERSON,
            status_reason="Paused by a person before the Stripe account was "
            "disconnected.",
        )
    )
    session.execute(
        closed.values(
            status=RecoveryStatus.IN_RETRY,
            status_reason="The Stripe account was connected again.",
        )
    )
