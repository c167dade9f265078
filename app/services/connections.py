"""The way from a connected account to Stripe."""

from collections.abc import Callable

from flask import current_app
from sqlalchemy import select

from app import current
from app.config import Config
from app.domain.account import ConnectionKind, ConnectionStatus
from app.services.account_rows import mode_of
from app.services.governor import governor
from app.storage.models import StripeAccount
from app.storage.transaction import reading, refuse_inside_transaction
from app.stripe_gateway import (
    Call,
    Credentials,
    Gateway,
    Observer,
    Pacer,
    StripeGateway,
    StripeTrouble,
)
from app.vault import SecretUnreadable

# Told of every call, with the id of the account's row where one exists.
CallListener = Callable[[int | None, Call], None]


class NotConnected(Exception):
    """There is nothing to call Stripe with for this account."""


# Why asking Stripe for an account may fail, whatever is asked.
NO_ANSWER = (StripeTrouble, NotConnected, SecretUnreadable)


def gateway_of(account_id: int) -> Gateway:
    """Stripe for this account; NotConnected when it has left or has no key."""
    with reading() as session:
        account = session.get(StripeAccount, account_id)
        if account is None or account.status is ConnectionStatus.DISCONNECTED:
            raise NotConnected(f"account {account_id} is not connected")
        credentials = _credentials(account, current.config())
    return gateway_with(credentials, account_id=account_id)


def sealed_key_of(account_id: int) -> str | None:
    """The account's key as it is stored; asked before a call, it tells afterwards
    whether the key has been replaced meanwhile."""
    with reading() as session:
        return session.scalar(
            select(StripeAccount.sealed_api_key).where(StripeAccount.id == account_id)
        )


def gateway_with(credentials: Credentials, *, account_id: int | None = None) -> Gateway:
    """Stripe with these credentials, such as a key that is not kept yet."""
    refuse_inside_transaction()
    config = current.config()
    return StripeGateway(
        credentials,
        api_base=config.stripe_api_base,
        connect_base=config.stripe_connect_base,
        http_client=current.parts().http_client,
        observer=_observer(account_id),
        pacer=_pacer(account_id, livemode=credentials.livemode),
    )


def _credentials(account: StripeAccount, config: Config) -> Credentials:
    if account.kind is ConnectionKind.CONNECT:
        if config.stripe_secret_key is None:
            raise NotConnected("STRIPE_SECRET_KEY is not set")
        platforms = Credentials(config.stripe_secret_key, account.stripe_account_id)
        if platforms.livemode is not account.livemode:
            # The same account has another life there: real cards instead of test ones.
            ours = mode_of(account)
            raise NotConnected(f"STRIPE_SECRET_KEY is not for {ours} mode")
        return platforms
    if account.sealed_api_key is None:
        raise NotConnected(f"account {account.id} has no key")
    return Credentials(current.vault().decrypt(account.sealed_api_key))


def _pacer(account_id: int | None, *, livemode: bool) -> Pacer | None:
    """What keeps the account's calls under its limits; a new key's few go at once."""
    if account_id is None:
        return None
    keeper = governor()
    return lambda name: keeper.wait(account_id, name, livemode=livemode)


def _observer(account_id: int | None) -> Observer:
    listeners: list[CallListener] = current_app.extensions["metricsco.call_listeners"]

    def observe(call: Call) -> None:
        refuse_inside_transaction()
        for listener in listeners:
            listener(account_id, call)

    return observe
