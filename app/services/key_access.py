"""What an account lets us do: the key is examined, checked again, replaced."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from app import current
from app.domain.account import ConnectionKind, ConnectionStatus
from app.domain.api_keys import KeyRefused, RestrictedKey, restricted_key
from app.domain.snapshots import AccountSnapshot
from app.services import connections, endpoints, platform
from app.services.account_rows import (
    AccountRefused,
    connected_row,
    mode_of,
    no_answer,
)
from app.services.audit import note
from app.services.troubles import clear_trouble, note_trouble
from app.storage.models import StripeAccount
from app.storage.transaction import reading, transaction
from app.stripe_gateway import (
    Credentials,
    CredentialsRefused,
    Gateway,
    PermissionCheck,
    PermissionMissing,
    PermissionStatus,
    StripeTrouble,
    StripeUnavailable,
)

KEY_REVOKED = (
    "Stripe no longer accepts the key: it was revoked, it expired, or it is bound to "
    "other addresses. Make a new restricted key at Stripe and replace it here."
)
ACCESS_LOST = (
    "Stripe no longer accepts the platform's access to this account. Disconnect it "
    "here, then connect it again."
)


def rotate_key(
    account_id: int, api_key: str, *, user_id: int | None, now: datetime
) -> None:
    """Replace the key by another one of the same account and mode.

    The webhook stays as it is, so no event is missed.
    """
    key = key_of(api_key)
    snapshot, checks = examine(key)
    with transaction() as session:
        account = connected_row(session, account_id)
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
        follow_checks(account, checks, now=now)
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
        kind = connected_row(session, account_id).kind
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
        raise no_answer(trouble) from None
    clear_trouble(account_id, now=now)
    fault = platform.ensure_webhook(user_id=user_id, now=now)
    with transaction() as session:
        session.get_one(StripeAccount, account_id).webhook_note = fault


def _check_key(account_id: int, *, user_id: int | None, now: datetime) -> None:
    sealed_key = connections.sealed_key_of(account_id)
    try:
        checks = checked(connections.gateway_of(account_id))
    except CredentialsRefused:
        note_trouble(account_id, KEY_REVOKED, now=now, sealed_key=sealed_key)
        return
    except StripeTrouble as trouble:
        raise no_answer(trouble) from None
    with transaction() as session:
        account = connected_row(session, account_id)
        if account.sealed_api_key != sealed_key:
            return  # replaced meanwhile, and checked then
        follow_checks(account, checks, now=now)
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


def key_of(api_key: str) -> RestrictedKey:
    """The key in what was pasted; AccountRefused says why there is none."""
    try:
        return restricted_key(api_key)
    except KeyRefused as refusal:
        raise AccountRefused(str(refusal)) from None


def examine(
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
        raise no_answer(trouble) from None


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


def follow_checks(
    account: StripeAccount, checks: Sequence[PermissionCheck], *, now: datetime
) -> None:
    """Keep what the key may do; what it lacks and needs is trouble."""
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
    if account.status is ConnectionStatus.TROUBLE and not missing:
        account.charges_from = now
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
