"""`POST /webhooks/stripe...`: Stripe's deliveries, kept before they are answered."""

from collections.abc import Callable

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from app import current
from app.extensions import csrf
from app.services import deliveries, platform
from app.services.inbox import NotStored
from app.stripe_gateway import BadSignature, NotAnEvent
from app.vault import SecretUnreadable

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks/stripe")
csrf.exempt(bp)  # no session speaks here: the signature says who it is

SIGNATURE = "Stripe-Signature"


@bp.post("")
def for_platform() -> Response:
    """Events of every merchant of the Connect platform, where there is one."""
    try:
        secret = platform.webhook_secret()
    except SecretUnreadable:
        # Stripe sends it again for three days: time to put the lost key back.
        return _answer(503, "not stored; send it again")
    if not secret:
        return _answer(404, "no Connect platform is set up here")
    return _received(
        lambda body, signature: deliveries.receive_for_platform(
            secret, body, signature, now=current.now()
        )
    )


@bp.post("/<connection_key>")
def for_key(connection_key: str) -> Response:
    """Events of one account that was connected by key."""
    return _received(
        lambda body, signature: deliveries.receive_for_key(
            connection_key, body, signature, now=current.now()
        )
    )


def _received(receive: Callable[[bytes, str | None], None]) -> Response:
    try:
        # The signature is over the bytes as they came.
        receive(request.get_data(), request.headers.get(SIGNATURE))
    except deliveries.NoSuchAddress:
        return _answer(404, "no account is connected at this address")
    except RequestEntityTooLarge:
        return _answer(413, "larger than any event")
    except (BadSignature, NotAnEvent) as fault:
        return _answer(400, str(fault))
    except NotStored:
        return _answer(503, "not stored; send it again")
    return _answer(200, "stored")


def _answer(status: int, sentence: str) -> Response:
    return Response(f"{sentence}\n", status, mimetype="text/plain")
