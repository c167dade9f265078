"""Subscriptions: the list, and one with all that happened to it."""

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from app.domain.lifecycle import Lifecycle
from app.extensions import db
from app.storage.histories import history_of_subscription, subscription_by_stripe_id
from app.storage.listings.subscriptions import SUBSCRIPTIONS, SubscriptionFilter
from app.web.lists import list_page, narrowed, question, sight
from app.web.question import Question, words_of
from app.web.rendering import render
from app.web.timeline import entries

bp = Blueprint("subscriptions", __name__, url_prefix="/subscriptions")

# https://docs.stripe.com/api/subscriptions/object#subscription_object-status (2026-11).
# No word of theirs is one of our lifecycle's, so one filter takes both.
STRIPE_STATUSES = (
    "active",
    "trialing",
    "past_due",
    "unpaid",
    "paused",
    "incomplete",
    "incomplete_expired",
    "canceled",
)


@bp.get("")
def index() -> ResponseReturnValue:
    asked = question()
    return list_page(
        SUBSCRIPTIONS,
        wanted_subscriptions(asked),
        asked,
        folder="subscriptions",
        lifecycles=list(Lifecycle),
        stripe_statuses=STRIPE_STATUSES,
    )


@bp.get("/<stripe_subscription_id>")
def show(stripe_subscription_id: str) -> ResponseReturnValue:
    session = db.session()
    found = subscription_by_stripe_id(session, stripe_subscription_id, accounts=sight())
    if found is None:
        abort(404, "No subscription with this id is known here.")
    history = history_of_subscription(session, found)
    return render(
        "subscriptions/show.html",
        subscription=found,
        recoveries=history.recoveries,
        timeline=entries(history),
        is_cut=history.is_cut,
    )


def wanted_subscriptions(asked: Question) -> SubscriptionFilter:
    """The filter that an address asks for."""
    word = asked.word("status", words_of(Lifecycle) | set(STRIPE_STATUSES))
    is_lifecycle = word in words_of(Lifecycle)
    since, before = asked.days()
    return SubscriptionFilter(
        text=asked.text("q"),
        status=word if not is_lifecycle else None,
        lifecycle=Lifecycle(word) if word and is_lifecycle else None,
        since=since,
        before=before,
        accounts=narrowed(asked),
    )
