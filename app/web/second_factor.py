"""Account Profile, Security: the second factor is set up, renewed, turned off."""

from io import BytesIO

from flask import Blueprint, Response, flash, redirect, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from app import current
from app.domain.people import Role
from app.services import second_factor, sessions
from app.services.people import PersonRefused
from app.services.second_factor import CodeRefused, NothingToDo
from app.vault import SecretUnreadable
from app.web.access import is_fresh, me, my_session, needs
from app.web.confirmation import asks_password, confirm_password
from app.web.rendering import render

PAGE = "/account/security/second-factor"
bp = Blueprint("second_factor", __name__, url_prefix=PAGE)


@bp.get("")
def show() -> ResponseReturnValue:
    return _page()


@bp.post("")
@needs(Role.VIEWER)
@asks_password(back=PAGE)
def begin() -> ResponseReturnValue:
    try:
        second_factor.begin(me().id)
    except NothingToDo as refusal:
        flash(str(refusal), "bad")
    return redirect(PAGE, 303)


@bp.post("/confirmation")
@needs(Role.VIEWER)
@asks_password(back=PAGE)
def confirm() -> ResponseReturnValue:
    code = request.form.get("code", "")
    try:
        codes = second_factor.turn_on(me().id, code, now=current.wall())
    except (CodeRefused, SecretUnreadable):
        refusal = PersonRefused("code", "This code does not fit. Wait for the next.")
        return _page(refusal)
    except NothingToDo as refused:
        flash(str(refused), "bad")
        return redirect(PAGE, 303)
    sessions.end_others(me().id, but=my_session().id, now=current.wall())
    # Shown in this answer and never again: only hashes are kept.
    return _page(codes=codes)


@bp.post("/codes")
@needs(Role.VIEWER)
@asks_password(back=PAGE)
def renew_codes() -> ResponseReturnValue:
    try:
        codes = second_factor.renew_codes(me().id, now=current.wall())
    except NothingToDo as refusal:
        flash(str(refusal), "bad")
        return redirect(PAGE, 303)
    return _page(codes=codes)


@bp.post("/removal")
@needs(Role.VIEWER)
def remove() -> ResponseReturnValue:
    try:
        confirm_password(request.form.get("current_password", ""))
    except PersonRefused as refusal:
        return _page(refusal)
    second_factor.turn_off(me().id, by_id=me().id, now=current.wall())
    flash("The second factor is off.", "good")
    return redirect("/account/security", 303)


def _page(
    refusal: PersonRefused | None = None, *, codes: list[str] | None = None
) -> Response:
    state = second_factor.state_of(me().id)
    enrolment = None
    # Whoever sits down at an open browser must not copy the secret from it.
    if state.is_begun and is_fresh():
        try:
            enrolment = second_factor.enrolment(me().id)
        except SecretUnreadable as lost:
            flash(f"{lost}. Set it up anew.".capitalize(), "bad")
    return render(
        "account/second_factor.html",
        status=422 if refusal else 200,
        state=state,
        enrolment=enrolment,
        picture=_picture(enrolment.address) if enrolment else None,
        codes=codes,
        refusal=refusal,
    )


def _picture(text: str) -> Markup:
    """`text` as a QR code: an SVG of plain paths, which the CSP has nothing against."""
    import segno  # when somebody sets it up, and not before

    out = BytesIO()
    code = segno.make(text, error="m", micro=False)
    code.save(
        out,
        kind="svg",
        xmldecl=False,
        omitsize=True,
        light="#fff",
        svgclass="qr",
        nl=False,
        title="QR code for your authenticator app",
    )
    return Markup(out.getvalue().decode())  # noqa: S704 - of our own making, no text
