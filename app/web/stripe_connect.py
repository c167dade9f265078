"""Connecting by OAuth: the way to Stripe's page and the way back."""

from flask import Blueprint, abort, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from app import current
from app.domain.people import Role
from app.services import oauth
from app.services.account_rows import AccountRefused
from app.services.accounts import AlreadyConnected
from app.web.access import me, needs
from app.web.confirmation import asks_password
from app.web.rendering import render

bp = Blueprint(
    "stripe_connect", __name__, url_prefix="/account/payment-processor/stripe"
)

_NONCE = "stripe_oauth_nonce"


@bp.post("/connect")
@needs(Role.OWNER)
@asks_password(back="/account/payment-processor")
def depart() -> ResponseReturnValue:
    config = current.config()
    if not config.has_connect_platform:
        abort(
            422,
            "No Connect platform is configured (STRIPE_CLIENT_ID, STRIPE_SECRET_KEY). "
            "Connect with a restricted key instead.",
        )
    trip = oauth.depart(
        user_id=me().id,
        landing="register" if request.form.get("landing") == "register" else "login",
        redirect_uri=f"{config.public_url}{url_for('stripe_connect.arrive')}",
        now=current.wall(),
    )
    session[_NONCE] = trip.nonce
    return redirect(trip.address, 303)


@bp.get("/callback")
@needs(Role.OWNER)
def arrive() -> ResponseReturnValue:
    try:
        oauth.arrive(
            request.args.get("state", ""),
            nonce=session.pop(_NONCE, None),
            user_id=me().id,
            now=current.wall(),
        )
        code = request.args.get("code")
        if code is None:
            return _refused_at_stripe()
        account_id = oauth.connect(code, user_id=me().id, now=current.now())
    except AlreadyConnected as refusal:
        return _page("This account is connected already", str(refusal), status=409)
    except AccountRefused as refusal:
        status = 503 if refusal.is_passing else 400
        return _page("Nothing was connected", str(refusal), status=status)
    return redirect(url_for("integration.show", account=account_id), 303)


def _refused_at_stripe() -> ResponseReturnValue:
    if request.args.get("error") == "access_denied":
        return _page(
            "You did not connect Stripe",
            "You (or somebody at Stripe's page) said no. Nothing was connected and "
            "nothing was saved.",
            status=200,
        )
    said = request.args.get("error_description") or request.args.get("error")
    return _page(
        "Nothing was connected",
        f"Stripe said: {said[:300]}" if said else "Stripe sent no code.",
        status=400,
    )


def _page(heading: str, sentence: str, *, status: int) -> ResponseReturnValue:
    return render(
        "payment_processor/refused.html",
        status=status,
        heading=heading,
        sentence=sentence,
    )
