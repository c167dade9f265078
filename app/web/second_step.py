"""The second step of signing in: a code, for those who turned that on.

Between the steps the cookie says only who gave the password and when; that opens
nothing, and a new password or the end of all sessions makes it worthless.
"""

from datetime import timedelta

from flask import Blueprint, Response, flash, redirect, request, session
from flask.typing import ResponseReturnValue

from app import current
from app.services import people, second_factor
from app.services.second_factor import CodeRefused
from app.storage.models import User
from app.vault import SecretUnreadable
from app.web import devices
from app.web.access import let_in, safe_next
from app.web.filters import plural
from app.web.rendering import render
from app.web.throttle import tries

bp = Blueprint("second_step", __name__, url_prefix="/login/code")

PATIENCE = timedelta(minutes=5)
_HALF_IN = "half_in"
REFUSED = "This code does not fit, or was used already."
KEY_LOST = (
    "Your second factor cannot be read with the keys in ENCRYPTION_KEYS. Use a "
    "recovery code, or ask an owner to reset it."
)


def ask_for_code(user: User, target: str) -> ResponseReturnValue:
    """The password was right: on to the second step, `target` after it."""
    at = int(current.wall().timestamp())
    session.clear()
    session[_HALF_IN] = [user.id, user.session_epoch, at, target]
    return redirect("/login/code", 303)


@bp.get("")
def new() -> ResponseReturnValue:
    return _form() if _whose() else redirect("/login", 303)


@bp.post("")
def create() -> ResponseReturnValue:
    user = _whose()
    if user is None:
        return redirect("/login", 303)
    now, source = current.wall(), _source(user)
    wait = tries().wait_seconds(user.email, None, device=source, now=now)
    if wait:
        return _too_often(wait)
    try:
        second_factor.check(user.id, request.form.get("code", ""), now=now)
    except CodeRefused:
        tries().count_failure(user.email, None, device=source, now=now)
        _tell_of_guessing(user, source)
        return _form(REFUSED, status=422)
    except SecretUnreadable:
        return _form(KEY_LOST, status=422)
    tries().forget(user.email, None, device=source)
    target = session[_HALF_IN][3]
    left = second_factor.state_of(user.id).codes_left
    answer = let_in(user, safe_next(target))
    if left < 3:
        flash(f"{plural(left, 'recovery code')} left: make new ones.", "warn")
    return answer


def _whose() -> User | None:
    """Who gave the password in this browser, a moment ago and still worth something."""
    try:
        user_id, epoch, at, _target = session.get(_HALF_IN, ())
    except ValueError:
        return None
    age = current.wall().timestamp() - at
    user = people.member(user_id)
    if user is None or user.session_epoch != epoch or age > PATIENCE.total_seconds():
        return None
    return user if second_factor.is_on(user.id) else None


def _source(user: User) -> str:
    """Counted apart from passwords; a browser known to us apart from all others."""
    return f"code {devices.of_request(user.email) or ''}"


def _tell_of_guessing(user: User, source: str) -> None:
    """Whoever guesses codes has the password: that belongs in the trail."""
    now = current.wall()
    if tries().wait_seconds(user.email, None, device=source, now=now):
        people.note_guessing(user.id, address=request.remote_addr or "", now=now)


def _too_often(wait: int) -> Response:
    span = plural(-(-wait // 60), "minute")
    answer = _form(f"Too many tries. Try again in {span}.", status=429)
    answer.headers["Retry-After"] = str(wait)
    return answer


def _form(fault: str = "", *, status: int = 200) -> Response:
    return render("sessions/code.html", status=status, fault=fault)
