"""Sign in and sign out."""

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app import current
from app.domain.people import Role
from app.services import people, second_factor
from app.web import devices
from app.web.access import end_session, let_in, needs, safe_next
from app.web.filters import plural
from app.web.rendering import render
from app.web.second_step import ask_for_code
from app.web.throttle import tries

bp = Blueprint("sessions", __name__)

REFUSED = "E-mail address and password do not belong together."


@bp.get("/login")
def new() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(safe_next(request.args.get("next")), 303)
    return render("sessions/new.html", next=request.args.get("next"))


@bp.post("/login")
def create() -> ResponseReturnValue:
    email = people.tidy_email(request.form.get("email", ""))
    device = devices.of_request(email)
    now = current.wall()
    wait = tries().wait_seconds(email, request.remote_addr, device=device, now=now)
    if wait:
        return _too_often(email, wait)
    user = people.with_password(email, request.form.get("password", ""))
    if user is None:
        tries().count_failure(email, request.remote_addr, device=device, now=now)
        return _form(email, REFUSED, status=422)
    tries().forget(email, request.remote_addr, device=device)
    target = safe_next(request.form.get("next"))
    if second_factor.is_on(user.id):
        return ask_for_code(user, target)
    return let_in(user, target)


@bp.post("/logout")
@needs(Role.VIEWER)
def destroy() -> ResponseReturnValue:
    end_session()
    return redirect("/login", 303)


def _too_often(email: str, wait: int) -> ResponseReturnValue:
    span = plural(-(-wait // 60), "minute")
    answer = _form(email, f"Too many tries. Try again in {span}.", status=429)
    answer.headers["Retry-After"] = str(wait)
    return answer


def _form(email: str, fault: str, *, status: int) -> Response:
    return render(
        "sessions/new.html",
        status=status,
        email=email,
        fault=fault,
        next=request.form.get("next"),
    )
