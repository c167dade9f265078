"""What templates say about declines and Stripe's objects."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from flask import Blueprint
from markupsafe import Markup

from app.domain.classify import Explanation, explain
from app.domain.declines import Codes, MadeBy
from app.storage.models import StripeAccount
from app.web.filters import exact
from app.web.words import word_of

bp = Blueprint("explaining", __name__)  # no routes: it lends its words to templates

_MADE_BY = {
    MadeBy.FIRST: "Stripe, the first charge",
    MadeBy.METRICSCO: "Metricsco",
    MadeBy.STRIPE: "Stripe, a retry of its own",
    MadeBy.STAFF: "your staff, or another program of yours",
    MadeBy.CUSTOMER: "the customer",
    MadeBy.UNKNOWN: "not known whom",
}
_CARD_SET_ON = {
    "invoice": "set on this invoice",
    "subscription": "the subscription's own",
    "customer": "the customer's default",
}
_DASHBOARD = "https://dashboard.stripe.com"


def explained(row: Any) -> Explanation:
    """What the codes of a decline, or of a row of the list of declines, mean."""
    return explain(Codes.of(row))


def made_by(who: MadeBy) -> str:
    """Who made a charge: goes after "made by"."""
    return _MADE_BY[who]


def card_set_on(place: str | None) -> str:
    """What decided which card is charged."""
    return _CARD_SET_ON.get(place or "", "as Stripe chooses")


def at_stripe(account: StripeAccount, kind: str, stripe_id: str) -> str:
    """The address of an object in Stripe's dashboard; `kind` in the plural."""
    mode = "" if account.livemode else "test/"
    return f"{_DASHBOARD}/{mode}{kind}/{quote(stripe_id, safe='')}"


@bp.app_template_filter()
def moment(written: str) -> Markup:
    """A time that stands in JSON as ISO 8601."""
    return exact(datetime.fromisoformat(written))


@bp.app_template_filter()
def action_word(action: str) -> str:
    """What was done, in words: `recovery.retry_now` is "Retry now"."""
    return word_of(action.rpartition(".")[2])


@bp.app_context_processor
def _lend() -> dict[str, object]:
    return {
        "explained": explained,
        "made_by": made_by,
        "card_set_on": card_set_on,
        "at_stripe": at_stripe,
    }
