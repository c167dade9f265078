"""Account Profile, Security: the second factor, and where one is signed in."""

from flask import Blueprint, abort, flash, redirect
from flask.typing import ResponseReturnValue

from app import current
from app.domain.browsers import browser_of
from app.domain.people import Role
from app.services import second_factor, sessions
from app.web.access import end_session, me, my_session, needs
from app.web.rendering import render

bp = Blueprint("security", __name__, url_prefix="/account/security")


@bp.get("")
def show() -> ResponseReturnValue:
    return render(
        "account/security.html",
        sessions=sessions.of_user(me().id, now=current.wall()),
        second_factor=second_factor.state_of(me().id),
        own_id=my_session().id,
        browser_of=browser_of,
    )


@bp.post("/sessions/<int:session_id>/end")
@needs(Role.VIEWER)
def end(session_id: int) -> ResponseReturnValue:
    if session_id == my_session().id:
        end_session()
        return redirect("/login", 303)
    if not sessions.end(session_id, user_id=me().id, now=current.wall()):
        abort(404, "This browser is signed out already.")
    flash("That browser is signed out.", "good")
    return redirect("/account/security", 303)


@bp.post("/sessions/end-others")
@needs(Role.VIEWER)
def end_others() -> ResponseReturnValue:
    sessions.end_others(me().id, but=my_session().id, now=current.wall())
    flash("Every other browser is signed out.", "good")
    return redirect("/account/security", 303)
