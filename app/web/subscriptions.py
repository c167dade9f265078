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
from app.storage.listings.subscriptions import SUBSCRIPTIONS
from app.storage.models import Subscription
from app.web.access import me
from app.web.chips import chips
from app.web.lists import list_page, question, sight
from app.web.rendering import render
from app.web.subscription_list import (
    AT_FIRST,
    COLUMNS,
    FILTER_LABELS,
    SORT_LABELS,
    STRIPE_STATUSES,
    known_currencies,
    wanted_order,
    wanted_subscriptions,
)
from app.web.timeline import entries, mark_of
from app.web.told import NOTHING, Told
from app.web.view_tabs import views_on

bp = Blueprint("subscriptions", __name__, url_prefix="/subscriptions")


@bp.get("")
def index() -> ResponseReturnValue:
    asked = question()
    wanted = wanted_subscriptions(asked)
    order = wanted_order(asked, wanted)
    chosen = asked.words("columns", tuple(COLUMNS))
    views = views_on("subscriptions", asked.kept, columns=COLUMNS)
    return list_page(
        SUBSCRIPTIONS,
        wanted,
        asked,
        folder="subscriptions",
        order=order,
        chips=chips(asked.kept, FILTER_LABELS),
        views=views,
        may_act=me().role.may(Role.STAFF),
        list_name="subscriptions",
        shown=chosen or views.columns or AT_FIRST,
        columns=COLUMNS,
        sort=asked.kept.get("sort", "-created"),
        sorts=SORT_LABELS,
        currencies=known_currencies,
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
