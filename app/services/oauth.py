"""Connecting by OAuth: to Stripe's page and back, once, within the hour.

The way back is believed only with a `state` that we signed, that began in the same
browser session, for the same person, and was not used before.
"""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from app import current
from app.domain.account import ConnectionKind, ConnectionStatus
from app.domain.snapshots import AccountSnapshot
from app.services import connections, platform
from app.services.account_rows import AccountRefused, mode_of
from app.services.accounts import AlreadyConnected, attach
from app.services.audit import note
from app.services.tokens import hash_of
from app.storage.connection_models import OAuthState
from app.storage.models import StripeAccount
from app.storage.transaction import reading, transaction
from app.stripe_gateway import (
    ConnectedAccount,
    Credentials,
    Landing,
    OAuthRefused,
    StripeTrouble,
)

log = logging.getLogger(__name__)

# Long enough to open a Stripe account on the way, short enough that a forgotten tab
# connects nothing the next day.
TRIP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and what its session must remember."""

    address: str
    nonce: str


class TripRefused(AccountRefused):
    """The way back does not belong to a way out that is still open."""


def depart(
    *, user_id: int, landing: Landing, redirect_uri: str, now: datetime
) -> Departure:
    """Begin a trip to Stripe's page; NotConnected when there is no platform."""
    nonce = secrets.token_urlsafe(24)
    address = platform.of_settings().authorize_url(
        _signer().dumps([nonce, user_id]), redirect_uri, landing
    )
    with transaction() as session:
        session.execute(delete(OAuthState).where(OAuthState.expires_at < now - TRIP))
        session.add(
            OAuthState(
                nonce_hash=hash_of(nonce), user_id=user_id, expires_at=now + TRIP
            )
        )
    return Departure(address, nonce)


def is_under_way(user_id: int, *, now: datetime) -> bool:
    """Whether this person left for Stripe's page lately and has not come back."""
    with reading() as session:
        found = session.scalar(
            select(OAuthState.id).where(
                OAuthState.user_id == user_id,
                OAuthState.used_at.is_(None),
                OAuthState.expires_at > now,
            )
        )
    return found is not None


def arrive(state: str, *, nonce: str | None, user_id: int, now: datetime) -> None:
    """Take the trip that `state` belongs to as over; TripRefused if there is none."""
    if nonce is None or not _belongs(state, nonce=nonce, user_id=user_id):
        raise TripRefused(
            "This answer does not belong to a connection that you began here, in this "
            "browser. Nothing was connected. Begin again from this panel."
        )
    with transaction() as session:
        trip = session.scalar(
            select(OAuthState)
            .where(OAuthState.nonce_hash == hash_of(nonce))
            .with_for_update()
        )
        if trip is None or trip.expires_at <= now:
            raise TripRefused(
                "This took longer than an hour, so it is not valid any more. "
                "Nothing was connected. Begin again."
            )
        taken = session.execute(
            update(OAuthState)
            .where(OAuthState.id == trip.id, OAuthState.used_at.is_(None))
            .values(used_at=now)
            .returning(OAuthState.id)
        ).first()
        if taken is None:
            raise TripRefused(
                "This answer of Stripe's was used already. If your account is not "
                "shown as connected, begin again."
            )


def connect(code: str, *, user_id: int, now: datetime) -> int:
    """Exchange Stripe's code and connect its account; returns our id of it.

    Raises AccountRefused; then nothing was saved.
    """
    grant = _exchange(code)
    snapshot = _snapshot(grant)
    try:
        with transaction() as session:
            account = attach(session, snapshot, kind=ConnectionKind.CONNECT, now=now)
            note(
                session,
                "account.connected",
                detail=f"{snapshot.id} ({mode_of(account)}) with Stripe Connect",
                account_id=account.id,
                user_id=user_id,
                now=now,
            )
            account_id = account.id
    except IntegrityError:
        raise AccountRefused("This account has just been connected here.") from None
    except AlreadyConnected as refusal:
        _give_back(refusal.account_id, snapshot.id)
        raise
    fault = platform.ensure_webhook(user_id=user_id, now=now)
    with transaction() as session:
        session.get_one(StripeAccount, account_id).webhook_note = fault
    return account_id


def _exchange(code: str) -> ConnectedAccount:
    asked = platform.of_settings()
    try:
        answer = asked.exchange(code)
    except StripeTrouble as trouble:
        log.warning("Stripe gave no answer to an OAuth code: %s", trouble)
        raise AccountRefused(
            "Stripe did not answer, so nothing was connected. Begin again in a minute.",
            is_passing=True,
        ) from None
    if isinstance(answer, OAuthRefused):
        raise AccountRefused(_refusal(answer))
    if answer.livemode is not asked.livemode:
        raise AccountRefused(
            f"Stripe connected the account in {'live' if answer.livemode else 'test'} "
            "mode, but this panel's platform key is for the other mode. Nothing was "
            "saved."
        )
    if answer.scope != "read_write":
        raise AccountRefused(
            "Stripe gave read-only access, with which no payment can be retried. "
            "Nothing was saved. Begin again and allow both."
        )
    return answer


def _refusal(refused: OAuthRefused) -> str:
    if refused.kind == "invalid_grant":
        return (
            "Stripe did not take the code: it was used already, it expired, or it "
            "belongs to the other mode (test instead of live). Nothing was connected. "
            "Begin again."
        )
    if refused.kind == "invalid_client":
        return (
            "Stripe does not know this panel's Connect platform: STRIPE_CLIENT_ID and "
            "STRIPE_SECRET_KEY do not belong together, or are of different modes."
        )
    return f"Stripe refused: {refused.message or refused.kind}. Nothing was connected."


def _snapshot(grant: ConnectedAccount) -> AccountSnapshot:
    """The account with its name, as far as Stripe tells it now."""
    key = current.config().stripe_secret_key
    assert key is not None
    gateway = connections.gateway_with(Credentials(key, grant.id))
    try:
        return gateway.account()
    except StripeTrouble as trouble:
        # The account is ours to act for; its name can wait.
        log.info("no name of %s yet: %s", grant.id, trouble)
        return AccountSnapshot(id=grant.id, livemode=grant.livemode)


def _give_back(account_id: int, stripe_account_id: str) -> None:
    """Return the access that was just granted, unless the panel lives by it."""
    with reading() as session:
        account = session.get_one(StripeAccount, account_id)
    if (
        account.kind is ConnectionKind.CONNECT
        and account.status is not ConnectionStatus.DISCONNECTED
    ):
        return
    try:
        platform.of_settings().deauthorize(stripe_account_id)
    except StripeTrouble as trouble:
        log.warning("access to %s could not be given back: %s", account_id, trouble)


def _belongs(state: str, *, nonce: str, user_id: int) -> bool:
    try:
        found = _signer().loads(state)
    except BadSignature:
        return False
    return bool(found == [nonce, user_id])


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current.config().secret_key, salt="stripe-oauth")
