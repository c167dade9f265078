"""Saved views and the choice of columns: small forms beside a list."""

from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app import current
from app.domain.people import Role
from app.extensions import db
from app.services import saved_views
from app.services.saved_views import ViewRefused, may_change
from app.storage.saved_views import views_of
from app.web import decline_list, subscription_list
from app.web.access import me, needs
from app.web.lists import LONGEST_QUERY, question_of
from app.web.question import Question
from app.web.rendering import render
from app.web.subscription_list import COLUMNS

bp = Blueprint("saved_views", __name__, url_prefix="/views")


def _read_subscriptions(asked: Question) -> None:
    wanted = subscription_list.wanted_subscriptions(asked)
    subscription_list.wanted_order(asked, wanted)
    asked.words("columns", tuple(COLUMNS))


def _read_declines(asked: Question) -> None:
    decline_list.wanted_order(asked, decline_list.wanted_declines(asked))


# The lists that have views, and how each reads an address.
LISTS: dict[str, Callable[[Question], None]] = {
    "subscriptions": _read_subscriptions,
    "declines": _read_declines,
}


@bp.get("/<list_name>")
def index(list_name: str) -> ResponseReturnValue:
    _refuse_unknown(list_name)
    views = views_of(db.session(), list_name, user_id=me().id)
    return render(
        "saved_views/index.html",
        list_name=list_name,
        views=[view for view in views if view.name],
        may_change=lambda view: may_change(view, me()),
        may_share=me().role.may(Role.STAFF),
    )


@bp.post("/<list_name>")
@needs(Role.VIEWER)  # one's own views change nothing for others
def create(list_name: str) -> ResponseReturnValue:
    query = _understood(list_name)
    name = request.form.get("name", "")
    try:
        saved_views.save(
            list_name,
            name,
            query,
            is_shared=_is_shared(),
            user_id=me().id,
            now=current.now(),
        )
    except ViewRefused as refusal:
        flash(f"The view was not saved. {refusal}", "warn")
    else:
        flash("The view is saved.", "good")
    return redirect(_list(list_name, query), 303)


@bp.post("/<list_name>/columns")
@needs(Role.VIEWER)
def choose_columns(list_name: str) -> ResponseReturnValue:
    """Show these columns here and from now on."""
    if list_name != "subscriptions":
        abort(404)
    wanted = request.form.getlist("column")
    chosen = tuple(name for name in COLUMNS if name in wanted)
    saved_views.remember_columns(list_name, chosen, user_id=me().id, now=current.now())
    here = dict(parse_qsl(_understood(list_name)))
    here.pop("columns", None)
    return redirect(_list(list_name, urlencode(here)), 303)


@bp.post("/<int:view_id>/change")
@needs(Role.VIEWER)
def update(view_id: int) -> ResponseReturnValue:
    name = request.form.get("name", "")
    return _done(
        lambda: saved_views.change(
            view_id,
            name=name,
            is_shared=_is_shared(),
            user_id=me().id,
            now=current.now(),
        ),
        "The view is changed.",
    )


@bp.post("/<int:view_id>/remove")
@needs(Role.VIEWER)
def remove(view_id: int) -> ResponseReturnValue:
    return _done(
        lambda: saved_views.remove(view_id, user_id=me().id, now=current.now()),
        "The view is removed.",
    )


def _done(act: Callable[[], object], said: str) -> ResponseReturnValue:
    try:
        act()
    except ViewRefused as refusal:
        flash(str(refusal), "warn")
    else:
        flash(said, "good")
    list_name = request.form.get("list", "")
    known = list_name if list_name in LISTS else next(iter(LISTS))
    return redirect(url_for("saved_views.index", list_name=known), 303)


def _understood(list_name: str) -> str:
    """The form's query, with nothing in it but what the list understands."""
    _refuse_unknown(list_name)
    given = request.form.get("query", "")[:LONGEST_QUERY]
    asked = question_of(given)
    LISTS[list_name](asked)
    return urlencode(asked.kept)


def _is_shared() -> bool:
    return request.form.get("shared") == "1"


def _list(list_name: str, query: str) -> str:
    return f"/{list_name}?{query}" if query else f"/{list_name}"


def _refuse_unknown(list_name: str) -> None:
    if list_name not in LISTS:
        abort(404, "There is no such list.")
