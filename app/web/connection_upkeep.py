"""Looking after a connection: check again, new key, webhook secret."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app import current
from app.domain.api_keys import KeyRefused
from app.domain.people import Role
from app.services import endpoints, key_access, webhook_test
from app.services.account_rows import AccountRefused
from app.services.connections import NotConnected
from app.vault import SecretUnreadable
from app.web.access import me, needs
from app.web.accounts_seen import chosen_account_id
from app.web.confirmation import asks_password

bp = Blueprint(
    "connection_upkeep", __name__, url_prefix="/account/payment-processor/stripe"
)


@bp.post("/check")
@needs(Role.OWNER)
def check() -> ResponseReturnValue:
    def act(account_id: int) -> str | None:
        key_access.check_again(account_id, user_id=me().id, now=current.now())
        return None

    return _done(act)


@bp.post("/rotate")
@needs(Role.OWNER)
@asks_password(back="/account/payment-processor")
def rotate() -> ResponseReturnValue:
    def act(account_id: int) -> str:
        key = request.form.get("api_key", "")
        key_access.rotate_key(account_id, key, user_id=me().id, now=current.now())
        return "The new key is in use. Delete the old one at Stripe."

    return _done(act)


@bp.post("/webhook")
@needs(Role.OWNER)
@asks_password(back="/account/payment-processor")
def replace_webhook() -> ResponseReturnValue:
    def act(account_id: int) -> str | None:
        made = endpoints.replace_secret(account_id, user_id=me().id, now=current.now())
        return "A new webhook is in place; no event is lost." if made else None

    return _done(act)


@bp.post("/webhook/secret")
@needs(Role.OWNER)
@asks_password(back="/account/payment-processor")
def save_webhook_secret() -> ResponseReturnValue:
    def act(account_id: int) -> str:
        pasted = request.form.get("webhook_secret", "")
        endpoints.save_secret(account_id, pasted, user_id=me().id, now=current.now())
        return "The signing secret is kept. Events are accepted from now on."

    return _done(act)


@bp.post("/webhook/test")
@needs(Role.OWNER)
def test_webhook() -> ResponseReturnValue:
    tested = webhook_test.send(chosen_account_id(), now=current.now())
    flash(tested.sentence, "good" if tested.arrived else "bad")
    return redirect(url_for("payment_processor.show"), 303)


def _done(act: Callable[[int], str | None]) -> ResponseReturnValue:
    """Do it for the chosen account, say how it went, and show the tab."""
    try:
        said = act(chosen_account_id())
    except (AccountRefused, KeyRefused, NotConnected, SecretUnreadable) as refusal:
        flash(str(refusal), "bad")
    else:
        if said:
            flash(said, "good")
    return redirect(url_for("payment_processor.show"), 303)
