"""Account Profile: one's own name, address, time zone and password."""

from zoneinfo import available_timezones

from flask import Blueprint, Response, flash, redirect, request
from flask.typing import ResponseReturnValue

from app import current
from app.domain.people import Role
from app.services import people
from app.services.people import PersonRefused
from app.web.access import begin_session, me, needs
from app.web.confirmation import confirm_password
from app.web.rendering import render

bp = Blueprint("profile", __name__, url_prefix="/account/profile")


@bp.get("")
def show() -> ResponseReturnValue:
    return _page()


@bp.post("")
@needs(Role.VIEWER)
def update() -> ResponseReturnValue:
    form = request.form
    try:
        if people.tidy_email(form.get("email", "")) != me().email:
            confirm_password(form.get("current_password", ""))
        people.change_profile(
            me().id,
            name=form.get("name", ""),
            email=form.get("email", ""),
            timezone=form.get("timezone", ""),
            now=current.wall(),
        )
    except PersonRefused as refusal:
        return _page(refusal)
    flash("Your profile is saved.", "good")
    return redirect("/account/profile", 303)


@bp.post("/password")
@needs(Role.VIEWER)
def update_password() -> ResponseReturnValue:
    try:
        confirm_password(request.form.get("old_password", ""), field="old_password")
        user = people.change_password(
            me().id, request.form.get("new_password", ""), now=current.wall()
        )
    except PersonRefused as refusal:
        return _page(refusal)
    begin_session(user)
    flash("Your password is changed. Other browsers are signed out.", "good")
    return redirect("/account/profile", 303)


def _page(refusal: PersonRefused | None = None) -> Response:
    is_profile_form = refusal is not None and "timezone" in request.form
    return render(
        "account/profile.html",
        status=422 if refusal else 200,
        form=request.form if is_profile_form else me(),
        refusal=refusal,
        zones=_zones(),
    )


def _zones() -> list[tuple[str, str]]:
    """Zones named for a place, and UTC; the rest are old names of the same."""
    named = sorted(
        zone
        for zone in available_timezones()
        if "/" in zone and not zone.startswith(("Etc/", "SystemV/", "US/", "posix"))
    )
    return [(zone, zone.replace("_", " ")) for zone in ("UTC", *named)]
