"""The owner's Connect platform, where the settings name one, and its webhook."""

import logging
from datetime import datetime

from app import current
from app.domain.event_types import HANDLED_TYPES
from app.services import endpoints
from app.services.audit import note
from app.services.connections import NotConnected, gateway_with
from app.storage.connection_models import PlatformWebhook
from app.storage.transaction import reading, refuse_inside_transaction, transaction
from app.stripe_gateway import ConnectPlatform, Credentials, StripeTrouble
from app.vault import SecretUnreadable

log = logging.getLogger(__name__)


def of_settings() -> ConnectPlatform:
    """The platform of STRIPE_CLIENT_ID and STRIPE_SECRET_KEY; NotConnected without."""
    refuse_inside_transaction()
    config = current.config()
    if config.stripe_client_id is None or config.stripe_secret_key is None:
        raise NotConnected("STRIPE_CLIENT_ID and STRIPE_SECRET_KEY are not set")
    return ConnectPlatform(
        config.stripe_client_id,
        config.stripe_secret_key,
        api_base=config.stripe_api_base,
        connect_base=config.stripe_connect_base,
        http_client=current.parts().http_client,
    )


def webhook_address() -> str:
    """Where Stripe sends the events of all accounts of the platform."""
    return f"{current.config().public_url}/webhooks/stripe"


def webhook_secret() -> str | None:
    """The secret those events are signed with: the setting's, or our own endpoint's."""
    config = current.config()
    if config.stripe_webhook_secret:
        return config.stripe_webhook_secret
    if config.stripe_client_id is None:
        return None
    with reading() as session:
        kept = session.get(PlatformWebhook, config.stripe_client_id)
    if kept is None or kept.url != webhook_address():
        return None
    return current.vault().decrypt(kept.sealed_secret)


def has_webhook_secret() -> bool:
    """Whether there is one that can be read; another one can be made."""
    try:
        return webhook_secret() is not None
    except SecretUnreadable:
        return False


def ensure_webhook(*, user_id: int | None, now: datetime) -> str | None:
    """Make the platform's webhook unless there is one; else say why not."""
    config = current.config()
    if has_webhook_secret():
        return None
    assert config.stripe_secret_key is not None
    credentials = Credentials(config.stripe_secret_key)
    fault = endpoints.fault_of_address(config, livemode=credentials.livemode)
    if fault is not None:
        return fault
    try:
        gateway = gateway_with(credentials)
        for old in gateway.webhook_endpoints():
            if old.url == webhook_address():
                gateway.delete_webhook_endpoint(old.id)
        made = gateway.create_webhook_endpoint(
            webhook_address(), HANDLED_TYPES, connect=True
        )
    except StripeTrouble as trouble:
        log.warning("the platform's webhook could not be made: %s", trouble)
        return "Stripe did not make the platform's webhook; press 'Check again' later."
    assert made.secret is not None
    with transaction() as session:
        session.merge(
            PlatformWebhook(
                client_id=config.stripe_client_id,
                stripe_webhook_endpoint_id=made.id,
                url=made.url,
                sealed_secret=current.vault().encrypt(made.secret),
                made_at=now,
            )
        )
        note(session, "platform.webhook_made", detail=made.id, user_id=user_id, now=now)
    return None
