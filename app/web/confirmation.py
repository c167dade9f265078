"""Asks for the password again before what matters.

Connecting, disconnecting, keys and the team ask unless it was given a moment ago in
this session (services.sessions.FRESH_FOR); what protects signing in itself always asks.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app import current
from app.domain.people import Role
from app.services import people
from app.services.people import PersonRefused
from app.web import access
from app.web.access import me, needs, safe_next
from app.web.rendering import render
from app.web.throttle import tries

bp = Blueprint("confirmation", __name__, url_prefix="/account/confirmation")

FIELD = "current_password"
View = TypeVar("View", bound=Callable[..., ResponseReturnValue])


def confirm_password(password: str, *, field: str = FIELD) -> None:
    """Raise PersonRefused unless this is the password of whoever is signed in."""
    user, now = me(), current.wall()
    # Apart from the sign-in form's counts: whoever is signed in is no stranger.
    session = f"session of {user.id}"
    if tries().wait_seconds(user.email, None, device=session, now=now):
        raise PersonRefused(field, "Too many tries. Wait a quarter of an hour.")
    if people.with_password(user.email, password) is None:
        tries().count_failure(user.email, None, device=session, now=now)
        raise PersonRefused(field, "This is not your current password.")
    tries().forget(user.email, None, device=session)
    access.confirmed()


def confirm_lately() -> None:
    """The same for the form's password; one given a moment ago will do instead."""
    given = request.form.get(FIELD, "")
    if given:
        confirm_password(given)
    elif not access.is_fresh():
        raise PersonRefused(FIELD, "Give your password again.")


def asks_password(back: str) -> Callable[[View], View]:
    """Let nobody past who did not give the password lately; goes under `needs`.

    `back`: the page whose form was sent; `{name}` stands for the route's argument.
    """

    def declare(view: View) -> View:
        @wraps(view)
        def asked(**arguments: Any) -> ResponseReturnValue:
            try:
                confirm_lately()
            except PersonRefused as refusal:
                if request.form.get(FIELD):
                    flash(str(refusal), "bad")
                page = back.format(**arguments)
                return redirect(url_for("confirmation.show", next=page), 303)
            return view(**arguments)

        asked.asks_password = True  # type: ignore[attr-defined]
        return cast(View, asked)

    return declare


@bp.app_context_processor
def _lend() -> dict[str, object]:
    return {"is_fresh": access.is_fresh}


@bp.get("")
def show() -> ResponseReturnValue:
    return render("account/confirmation.html", next=request.args.get("next"))


@bp.post("")
@needs(Role.VIEWER)
def create() -> ResponseReturnValue:
    try:
        confirm_password(request.form.get(FIELD, ""))
    except PersonRefused as refusal:
        return render(
            "account/confirmation.html",
            status=422,
            next=request.form.get("next"),
            refusal=refusal,
        )
    flash("Thank you. Nothing was changed yet: do it again now.", "good")
    return redirect(safe_next(request.form.get("next")), 303)
