"""Who may see what. Deny by default: a view that says nothing is not public."""

from collections.abc import Callable
from typing import TypeVar, cast
from urllib.parse import urlsplit

from flask import (
    Flask,
    Response,
    abort,
    current_app,
    g,
    make_response,
    redirect,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, logout_user

from app import current
from app.domain.people import Role
from app.extensions import db, login_manager
from app.services import people, sessions
from app.services.sessions import SignedIn
from app.storage.models import User
from app.web import devices
from app.web.rendering import wants_fragment

# Every endpoint that strangers may use, and why.
PUBLIC = frozenset(
    {
        "static",  # style, script, icon
        "sessions.new",  # the sign-in form
        "sessions.create",
        "second_step.new",  # after the right password, for a code
        "second_step.create",
        "links.show",  # one-time links: first owner, invitation
        "links.accept",
        "health.alive",
        "health.ready",
        "metrics.show",  # has its own token
    }
)
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
    login_manager.user_loader(_user_of_session)
    app.before_request(_admit)


def me() -> User:
    """The signed-in user of this request."""
    return cast(User, current_user._get_current_object())


def my_session() -> SignedIn:
    """The session of this request; of somebody signed in."""
    assert current_user.is_authenticated
    return cast(SignedIn, g.signed_in)


def is_fresh() -> bool:
    """Whether whoever is signed in gave the password a moment ago."""
    return my_session().is_fresh(now=current.wall())


def confirmed() -> None:
    """The password was given again in this session."""
    g.signed_in = sessions.confirm(my_session(), now=current.wall())


def begin_session(user: User) -> None:
    """Sign `user` in with a session that shares nothing with the one before."""
    end_session()
    user.session_token = sessions.begin(
        user.id,
        address=request.remote_addr or "",
        browser=request.headers.get("User-Agent", ""),
        now=current.wall(),
    )
    login_user(user)


def let_in(user: User, target: str) -> Response:
    """Every question was answered: signed in, in the trail, and on to `target`."""
    begin_session(user)
    address = request.remote_addr or "nowhere"
    people.note_sign_in(user.id, address=address, now=current.wall())
    answer = make_response(redirect(target, 303))
    devices.remember(answer, user.email)
    return answer


def end_session() -> None:
    """End this browser's session, here and in the browser."""
    if current_user.is_authenticated:
        sessions.end(my_session().id, user_id=me().id, now=current.wall())
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
    if not current_user.is_authenticated:
        return _to_sign_in()
    if not _is_poll():
        sessions.touch(my_session(), now=current.wall())
    if not me().role.may(needed_role(request.endpoint, request.method)):
        abort(403)
    return None


def _user_of_session(token: str) -> User | None:
    found = sessions.find(db.session(), token, now=current.wall())
    if found is None:
        return None
    user, g.signed_in = found
    return user


def _is_poll() -> bool:
    """Whether the page asks by itself: nobody need be sitting before it."""
    return request.headers.get("X-Poll") == "1"


def _to_sign_in() -> ResponseReturnValue:
    logout_user()  # and no more: another tab may stand between the steps of signing in
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
