"""The owner's Connect platform, where the settings name one."""

from app import current
from app.services.connections import NotConnected
from app.storage.transaction import refuse_inside_transaction
from app.stripe_gateway import ConnectPlatform


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
