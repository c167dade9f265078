"""Account Profile, Team: who may sign in, as what. Owners only; each change asks for
the password unless it was given a moment ago."""

from flask import Blueprint, Response, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from app import current
from app.domain.people import Role
from app.services import links, people, second_factor
from app.services.people import PersonRefused
from app.storage.models import User
from app.web.access import me, needs
from app.web.confirmation import asks_password, confirm_lately
from app.web.rendering import render

bp = Blueprint("team", __name__, url_prefix="/account/team")


@bp.get("")
@needs(Role.OWNER)
def index() -> ResponseReturnValue:
    return _index()


@bp.post("/invitations")
@needs(Role.OWNER)
def invite() -> ResponseReturnValue:
    try:
        confirm_lately()
        role = _role()
        email = request.form.get("email", "")
        token = links.invite(email, role, by_id=me().id, now=current.wall())
    except PersonRefused as refusal:
        return _index(refusal)
    # Shown in this answer and never again: only the link's hash is kept.
    return _index(link=f"{current.config().public_url}/setup/{token}")


@bp.post("/invitations/<int:link_id>/withdrawal")
@needs(Role.OWNER)
@asks_password(back="/account/team")
def withdraw(link_id: int) -> ResponseReturnValue:
    try:
        links.withdraw(link_id, by_id=me().id, now=current.wall())
    except links.LinkDead:
        abort(404, "This invitation was used or withdrawn already.")
    flash("The invitation is withdrawn.", "good")
    return redirect("/account/team", 303)


@bp.get("/<int:user_id>")
@needs(Role.OWNER)
def show(user_id: int) -> ResponseReturnValue:
    return _member(user_id)


@bp.post("/<int:user_id>/role")
@needs(Role.OWNER)
def change_role(user_id: int) -> ResponseReturnValue:
    member = _found(user_id)
    try:
        confirm_lately()
        people.change_role(user_id, _role(), by_id=me().id, now=current.wall())
    except PersonRefused as refusal:
        return _member(user_id, refusal)
    flash(f"The role of {member.email} is changed.", "good")
    # Who gave up the owner's role has no business on the team's page any more.
    own = user_id == me().id
    return redirect("/account/profile" if own else "/account/team", 303)


@bp.post("/<int:user_id>/removal")
@needs(Role.OWNER)
def remove(user_id: int) -> ResponseReturnValue:
    member = _found(user_id)
    try:
        confirm_lately()
        people.remove(user_id, by_id=me().id, now=current.wall())
    except PersonRefused as refusal:
        return _member(user_id, refusal)
    flash(f"{member.email} is off the team and signed out everywhere.", "good")
    return redirect("/account/team", 303)


@bp.post("/<int:user_id>/second-factor/removal")
@needs(Role.OWNER)
@asks_password(back="/account/team/{user_id}")
def reset_second_factor(user_id: int) -> ResponseReturnValue:
    member = _found(user_id)
    if second_factor.turn_off(user_id, by_id=me().id, now=current.wall()):
        flash(f"{member.email} signs in by password alone again.", "good")
    return redirect(f"/account/team/{user_id}", 303)


def _index(refusal: PersonRefused | None = None, link: str = "") -> Response:
    return render(
        "account/team.html",
        status=422 if refusal else 200,
        members=people.members(),
        invitations=links.invitations(now=current.wall()),
        refusal=refusal,
        link=link,
        roles=_roles(),
    )


def _member(user_id: int, refusal: PersonRefused | None = None) -> Response:
    return render(
        "account/member.html",
        status=422 if refusal else 200,
        member=_found(user_id),
        second_factor=second_factor.state_of(user_id),
        refusal=refusal,
        roles=_roles(),
    )


def _found(user_id: int) -> User:
    return people.member(user_id) or abort(404, "This person is not on the team.")


def _role() -> Role:
    try:
        return Role(request.form.get("role", ""))
    except ValueError:
        raise PersonRefused("role", "Choose a role from the list.") from None


def _roles() -> list[tuple[str, str]]:
    return [
        (Role.OWNER, "Owner: connects Stripe, manages the team"),
        (Role.STAFF, "Staff: acts on recoveries"),
        (Role.VIEWER, "Viewer: looks and exports, changes nothing"),
    ]
