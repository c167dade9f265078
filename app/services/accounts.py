"""The connected Stripe accounts: connect, switch, renew the key, leave."""

import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import current
from app.domain.account import ConnectionKind, ConnectionStatus
from app.domain.api_keys import KeyRefused, RestrictedKey, restricted_key
from app.domain.recovery import ClosedAs, RecoveryStatus
from app.domain.snapshots import AccountSnapshot
from app.services import connections, endpoints, imports, platform, recoveries
from app.services.audit import note
from app.services.troubles import clear_trouble, note_trouble
from app.storage.models import Recovery, StripeAccount
from app.storage.transaction import reading, transaction
from app.stripe_gateway import (
    Credentials,
    CredentialsRefused,
    Gateway,
    Gone,
    PermissionCheck,
    PermissionMissing,
    PermissionStatus,
    StripeTrouble,
    StripeUnavailable,
)

log = logging.getLogger(__name__)


class AccountRefused(Exception):
    """Nothing was changed; the text tells the owner why.

    `is_passing`: Stripe could not be asked, and trying again later may work.
    """

    def __init__(self, sentence: str, *, is_passing: bool = False) -> None:
        super().__init__(sentence)
        self.is_passing = is_passing


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


def mode_of(account: StripeAccount) -> str:
    """Which of Stripe's two worlds: 'live' or 'test'."""
    return "live" if account.livemode else "test"


def connect_with_key(api_key: str, *, user_id: int | None, now: datetime) -> int:
    """Connect the account of a restricted key; returns our id of it.

    Raises AccountRefused with a sentence for the owner when the key is no restricted
    key, Stripe does not take it, or its account is connected already. A key that lacks
    a needed permission is kept: the account then stands in trouble, which names it.
    """
    key = _key_of(api_key)
    snapshot, checks = _examine(key)
    try:
        with transaction() as session:
            account = attach(session, snapshot, kind=ConnectionKind.KEY, now=now)
            account.sealed_api_key = current.vault().encrypt(key.text)
            _follow_checks(account, checks)
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
    account.switched_at = account.connected_at = now
    account.disconnected_at = None
    account.last_event_at = None
    account.permissions = []
    session.flush()
    imports.begin(session, account.id, now=now)
    return account


def _is_renewed(account: StripeAccount, kind: ConnectionKind) -> bool:
    """Whether this is lost access that Stripe has just given back."""
    return (
        account.status is ConnectionStatus.TROUBLE
        and account.kind is kind is ConnectionKind.CONNECT
    )


def _take_up_again(session: Session, account_id: int, *, now: datetime) -> None:
    """What was closed only because the account left is open again.

    It has no plan until the import has looked at its invoice, so nothing is charged
    that was paid or canceled meanwhile.
    """
    session.execute(
        update(Recovery)
        .where(
            Recovery.account_id == account_id,
            Recovery.status == RecoveryStatus.CLOSED,
            Recovery.closed_as == ClosedAs.DISCONNECTED,
            Recovery.deadline_at > now,
        )
        .values(
            status=RecoveryStatus.IN_RETRY,
            status_reason="The Stripe account was connected again.",
            closed_as=None,
            ended_at=None,
        )
    )


def rotate_key(
    account_id: int, api_key: str, *, user_id: int | None, now: datetime
) -> None:
    """Replace the key by another one of the same account and mode.

    The webhook stays as it is, so no event is missed.
    """
    key = _key_of(api_key)
    snapshot, checks = _examine(key)
    with transaction() as session:
        account = _connected(session, account_id)
        if account.kind is not ConnectionKind.KEY:
            raise AccountRefused("This account is connected without a key of its own.")
        same = (account.stripe_account_id, account.livemode)
        if (snapshot.id, snapshot.livemode) != same:
            raise AccountRefused(
                f"This key belongs to {snapshot.id} "
                f"({'live' if snapshot.livemode else 'test'} mode), not to "
                f"{account.stripe_account_id} ({mode_of(account)} mode)."
            )
        account.sealed_api_key = current.vault().encrypt(key.text)
        account.hold_until = None
        _follow_checks(account, checks)
        note(
            session,
            "account.key_replaced",
            account_id=account_id,
            user_id=user_id,
            now=now,
        )


def check_again(account_id: int, *, user_id: int | None, now: datetime) -> None:
    """Try every permission anew, and make the webhook endpoint if that now works."""
    with reading() as session:
        kind = _connected(session, account_id).kind
    if kind is ConnectionKind.CONNECT:
        _check_platform(account_id, user_id=user_id, now=now)
    else:
        _check_key(account_id, user_id=user_id, now=now)


def _check_platform(account_id: int, *, user_id: int | None, now: datetime) -> None:
    try:
        connections.gateway_of(account_id).account()
    except CredentialsRefused:
        note_trouble(account_id, ACCESS_LOST, now=now)
        return
    except PermissionMissing as missing:
        note_trouble(account_id, f"Stripe refused: {missing.sentence}", now=now)
        return
    except StripeTrouble as trouble:
        raise _no_answer(trouble) from None
    clear_trouble(account_id, now=now)
    fault = platform.ensure_webhook(user_id=user_id, now=now)
    with transaction() as session:
        session.get_one(StripeAccount, account_id).webhook_note = fault


def _check_key(account_id: int, *, user_id: int | None, now: datetime) -> None:
    try:
        checks = checked(connections.gateway_of(account_id))
    except CredentialsRefused:
        note_trouble(account_id, KEY_REVOKED, now=now)
        return
    except StripeTrouble as trouble:
        raise _no_answer(trouble) from None
    with transaction() as session:
        account = _connected(session, account_id)
        _follow_checks(account, checks)
        endpoint_id = account.stripe_webhook_endpoint_id
        note(
            session,
            "account.checked",
            account_id=account_id,
            user_id=user_id,
            now=now,
        )
    if endpoint_id is None:
        endpoints.ensure(account_id, user_id=user_id, now=now)


def switch(account_id: int, *, is_on: bool, user_id: int | None, now: datetime) -> None:
    """Set the switch. Off: from this moment no retry starts. On: what came due
    meanwhile is planned anew, not fired all at once."""
    with reading() as session:
        if _connected(session, account_id).is_on is is_on:
            return
    if is_on:
        recoveries.replan_due(account_id, now=now)
    with transaction() as session:
        account = _connected(session, account_id)
        account.is_on = is_on
        account.switched_at = now
        note(
            session,
            "account.switched_on" if is_on else "account.switched_off",
            account_id=account_id,
            user_id=user_id,
            now=now,
        )


def disconnect(account_id: int, *, user_id: int | None, now: datetime) -> str | None:
    """Leave the account: nothing is charged any more, what we know is kept.

    Returns a sentence when Stripe refused to clean up on its side, else None.
    """
    switch(account_id, is_on=False, user_id=user_id, now=now)
    left_over = _leave_stripe(account_id)
    recoveries.close_all(account_id, "the Stripe account was disconnected", now=now)
    with transaction() as session:
        account = _connected(session, account_id)
        _forget(account, now=now)
        note(
            session,
            "account.disconnected",
            detail=left_over or "",
            account_id=account_id,
            user_id=user_id,
            now=now,
        )
    return left_over


def deauthorized(account_id: int, *, now: datetime) -> None:
    """The merchant withdrew our access at Stripe: stop, there is nothing to clean."""
    with transaction() as session:
        account = session.get(StripeAccount, account_id)
        if account is None or account.status is ConnectionStatus.DISCONNECTED:
            return
        account.is_on = False
        account.switched_at = now
    recoveries.close_all(account_id, "access was withdrawn at Stripe", now=now)
    with transaction() as session:
        account = session.get_one(StripeAccount, account_id)
        _forget(account, now=now)
        account.trouble = DEAUTHORIZED
        note(
            session,
            "account.deauthorized",
            account_id=account_id,
            user_id=None,
            now=now,
        )


KEY_REVOKED = (
    "Stripe no longer accepts the key: it was revoked, it expired, or it is bound to "
    "other addresses. Make a new restricted key at Stripe and replace it here."
)
ACCESS_LOST = (
    "Stripe no longer accepts the platform's access to this account. Disconnect it "
    "here, then connect it again."
)
DEAUTHORIZED = (
    "Access was withdrawn at Stripe. Nothing is charged any more; connect again to "
    "go on."
)


def _key_of(api_key: str) -> RestrictedKey:
    try:
        return restricted_key(api_key)
    except KeyRefused as refusal:
        raise AccountRefused(str(refusal)) from None


def _examine(
    key: RestrictedKey,
) -> tuple[AccountSnapshot, tuple[PermissionCheck, ...]]:
    """Whose key this is and what it may do, asked by harmless calls."""
    gateway = connections.gateway_with(Credentials(key.text))
    try:
        return _account_of(gateway, key), gateway.check_permissions()
    except CredentialsRefused:
        raise AccountRefused(
            "Stripe does not accept this key: it was revoked, it expired, it is bound "
            "to other addresses, or a character is missing. Nothing was saved."
        ) from None
    except StripeTrouble as trouble:
        raise _no_answer(trouble) from None


def checked(gateway: Gateway) -> tuple[PermissionCheck, ...]:
    """Every permission, tried; raises StripeUnavailable when that settled nothing."""
    with suppress(PermissionMissing):
        gateway.account()  # no answer is noticed once, and not for each permission
    checks = gateway.check_permissions()
    unknown = PermissionStatus.UNKNOWN
    if any(check.is_required and check.status is unknown for check in checks):
        raise StripeUnavailable
    return checks


def _account_of(gateway: Gateway, key: RestrictedKey) -> AccountSnapshot:
    try:
        return gateway.account()
    except PermissionMissing as missing:
        # Stripe names the account in its refusal; its name is then the id.
        if missing.account is None:
            raise AccountRefused(
                "This key may not tell which account it belongs to. Add the "
                "permission rak_connected_account_read to it at Stripe, then paste it "
                "again."
            ) from None
        return AccountSnapshot(id=missing.account, livemode=key.livemode)


def _no_answer(trouble: StripeTrouble) -> AccountRefused:
    if isinstance(trouble, StripeUnavailable):
        said = "Stripe did not answer."
    else:
        said = f"Stripe refused: {trouble.sentence or 'it gave no reason.'}"
    return AccountRefused(
        f"{said} Nothing was changed; try again in a minute.", is_passing=True
    )


def _row_of(session: Session, snapshot: AccountSnapshot) -> StripeAccount | None:
    return session.scalar(
        select(StripeAccount)
        .where(
            StripeAccount.stripe_account_id == snapshot.id,
            StripeAccount.livemode == snapshot.livemode,
        )
        .with_for_update()
    )


def _connected(session: Session, account_id: int) -> StripeAccount:
    account = session.get(StripeAccount, account_id)
    if account is None or account.status is ConnectionStatus.DISCONNECTED:
        raise AccountRefused("This account is not connected any more.")
    return account


def _follow_checks(account: StripeAccount, checks: Sequence[PermissionCheck]) -> None:
    account.permissions = [
        {
            "slug": check.slug,
            "why": check.why,
            "status": check.status.value,
            "is_required": check.is_required,
        }
        for check in checks
    ]
    missing = [
        check.slug
        for check in checks
        if check.is_required and check.status is PermissionStatus.MISSING
    ]
    account.status = ConnectionStatus.TROUBLE if missing else ConnectionStatus.CONNECTED
    account.trouble = lacking(missing) if missing else None


def lacking(slugs: Sequence[str]) -> str:
    """What to tell the owner about permissions that the key should have."""
    several = len(slugs) > 1
    return (
        f"The key lacks the permission{'s' if several else ''} {', '.join(slugs)}. "
        "Until then nothing is charged. Edit the key at Stripe, then press "
        "'Check again'."
    )


def _leave_stripe(account_id: int) -> str | None:
    """Undo at Stripe what connecting did; a sentence when that failed."""
    with reading() as session:
        account = session.get_one(StripeAccount, account_id)
    try:
        if account.kind is ConnectionKind.CONNECT:
            platform.of_settings().deauthorize(account.stripe_account_id)
        elif account.stripe_webhook_endpoint_id:
            gateway = connections.gateway_of(account_id)
            gateway.delete_webhook_endpoint(account.stripe_webhook_endpoint_id)
    except Gone:
        return None
    except (StripeTrouble, connections.NotConnected) as trouble:
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
