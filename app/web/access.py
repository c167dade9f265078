"""Who may see what. Deny by default: a view that says nothing is not public."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, logout_user

from app import current
from app.domain.people import Role
from app.storage.models import User
from app.web.rendering import wants_fragment

# Every endpoint that strangers may use, and why.
PUBLIC = frozenset(
    {
        "static",  # style, script, icon
        "sessions.new",  # the sign-in form
        "sessions.create",
        "links.show",  # one-time links: first owner, invitation
        "links.accept",
        "health.alive",
        "health.ready",
        "metrics.show",  # has its own token
    }
)
# A working day, then sign in again; sooner when nobody has touched it.
ABSOLUTE_LIFE = timedelta(hours=12)
IDLE_LIFE = timedelta(hours=2)
_SEEN_EVERY = timedelta(minutes=1)
_READS = frozenset({"GET", "HEAD", "OPTIONS"})

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])


def needs(role: Role) -> Callable[[View], View]:
    """Declare the role a view needs; goes under the route decorator.

    Without it, reading needs a viewer and everything else staff.
    """

    def declare(view: View) -> View:
        view.needed_role = role  # type: ignore[attr-defined]
        return view

    return declare


def guard(app: Flask) -> None:
    """Let nobody past who may not."""
    app.before_request(_admit)


def me() -> User:
    """The signed-in user of this request."""
    return cast(User, current_user._get_current_object())


def begin_session(user: User) -> None:
    """Sign `user` in with a session that shares nothing with the one before."""
    session.clear()
    login_user(user)
    session["signed_in_at"] = session["seen_at"] = int(current.wall().timestamp())


def end_session() -> None:
    """Forget this browser's session."""
    logout_user()
    session.clear()


def safe_next(address: str | None) -> str:
    """`address` when it is a path of this panel, else the dashboard's."""
    if not address or not address.startswith("/") or len(address) > 2000:
        return "/"
    # Browsers read "\" as "/", and drop tabs and line ends: "/\t/evil.example".
    if address[1:2] == "/" or "\\" in address or not address.isprintable():
        return "/"
    parts = urlsplit(address)
    return "/" if parts.scheme or parts.netloc else address


def needed_role(endpoint: str, method: str) -> Role:
    """The role that `method` on `endpoint` needs."""
    view = current_app.view_functions[endpoint]
    default = Role.VIEWER if method in _READS else Role.STAFF
    return getattr(view, "needed_role", default)


def _admit() -> ResponseReturnValue | None:
    if request.endpoint is None or request.endpoint in PUBLIC:
        return None  # an unknown address is its own answer: 404, 405
    if not (current_user.is_authenticated and _session_lives(current.wall())):
        return _to_sign_in()
    if not me().role.may(needed_role(request.endpoint, request.method)):
        abort(403)
    return None


def _session_lives(now: datetime) -> bool:
    signed_in, seen = session.get("signed_in_at"), session.get("seen_at")
    if not (isinstance(signed_in, int) and isinstance(seen, int)):
        return False
    at = int(now.timestamp())
    if at - signed_in > ABSOLUTE_LIFE.total_seconds():
        return False
    if at - seen > IDLE_LIFE.total_seconds():
        return False
    if at - seen > _SEEN_EVERY.total_seconds():
        session["seen_at"] = at
    return True


def _to_sign_in() -> ResponseReturnValue:
    end_session()
    target = url_for("sessions.new", next=_way_back())
    if wants_fragment():
        # A 303 would be followed inside the page: htmx is told to leave it instead.
        return "", 401, {"HX-Redirect": target}
    return redirect(target, 303)


def _way_back() -> str | None:
    if wants_fragment():
        # Scheme and host end at the third slash; what follows is the page's path.
        host_on = request.headers.get("HX-Current-URL", "").partition("//")[2]
        address = "/" + host_on.partition("/")[2]
    elif request.method == "GET":
        address = request.full_path.rstrip("?")
    else:
        return None
    return address if safe_next(address) != "/" else None
