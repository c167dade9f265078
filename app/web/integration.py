"""'Your integration is complete': what was checked, what is being imported."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app import current
from app.services import account_cards
from app.web.accounts_seen import chosen_account_id
from app.web.rendering import render

bp = Blueprint(
    "integration", __name__, url_prefix="/account/payment-processor/complete"
)


@bp.get("")
def show() -> ResponseReturnValue:
    return render(
        "payment_processor/complete.html",
        fragment="payment_processor/_import.html",
        card=account_cards.card_of(chosen_account_id(), now=current.now()),
    )
