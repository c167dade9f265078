"""Subscriptions: the list, and one with all that happened to it."""

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from app.domain.lifecycle import Lifecycle
from app.domain.people import Role
from app.domain.recovery import OPEN
from app.extensions import db
from app.storage.histories import (
    History,
    history_of_subscription,
    subscription_by_stripe_id,
)
from app.storage.listings.subscriptions import SUBSCRIPTIONS, SubscriptionFilter
from app.storage.models import Subscription
from app.web.access import me
from app.web.lists import list_page, narrowed, question, sight
from app.web.question import Question, words_of
from app.web.rendering import render
from app.web.timeline import entries, mark_of
from app.web.told import NOTHING, Told

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
    found = find(stripe_subscription_id)
    history = history_of_subscription(db.session(), found)
    if request.args.get("seen") == _mark_of(found, history):
        return "", 204
    return page(found, history)


def find(stripe_subscription_id: str) -> Subscription:
    """The subscription; 404 where the viewer knows none of this id."""
    found = subscription_by_stripe_id(
        db.session(), stripe_subscription_id, accounts=sight()
    )
    return found or abort(404, "No subscription with this id is known here.")


def page(
    found: Subscription,
    history: History,
    *,
    told: Told = NOTHING,
) -> ResponseReturnValue:
    """The page of one subscription, or its fragment for htmx."""
    is_live = any(recovery.status in OPEN for recovery in history.recoveries)
    return render(
        "subscriptions/show.html",
        fragment="subscriptions/_subscription.html",
        status=told.status,
        subscription=found,
        recoveries=history.recoveries,
        nexts=[
            (recovery, history.live_attempt_of(recovery))
            for recovery in history.recoveries
            if recovery.status in OPEN
        ],
        timeline=entries(history),
        is_cut=history.is_cut,
        mark=_mark_of(found, history) if is_live else None,
        may_note=me().role.may(Role.STAFF),
        told=told,
    )


def _mark_of(found: Subscription, history: History) -> str:
    return mark_of(history, (found.status, found.lifecycle, found.next_retry_at))


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
