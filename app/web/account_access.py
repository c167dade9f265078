"""Account Profile, Team: which Stripe accounts a member may see."""

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from app import current
from app.domain.people import Role
from app.services import account_access, people
from app.services.account_access import AccessRefused
from app.web.access import me, needs
from app.web.accounts_seen import seen_accounts
from app.web.confirmation import asks_password
from app.web.rendering import render

bp = Blueprint("account_access", __name__, url_prefix="/account/team")


@bp.get("/<int:user_id>/accounts")
@needs(Role.OWNER)
def show(user_id: int) -> ResponseReturnValue:
    return render(
        "account/accounts.html",
        member=people.member(user_id) or abort(404, "This person is not on the team."),
        accounts=seen_accounts(),
        picked=account_access.accounts_of(user_id),
    )


@bp.post("/<int:user_id>/accounts")
@needs(Role.OWNER)
@asks_password(back="/account/team/{user_id}/accounts")
def update(user_id: int) -> ResponseReturnValue:
    picked = request.form.getlist("account", type=int)
    wants_all = request.form.get("which") != "some"
    try:
        account_access.let_see(
            user_id, None if wants_all else picked, by_id=me().id, now=current.wall()
        )
    except AccessRefused as refusal:
        abort(422, str(refusal))
    flash("Which accounts this person sees is saved.", "good")
    return redirect(f"/account/team/{user_id}/accounts", 303)
