"""Another strategy for one recovery: look at what it would do, then confirm."""

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app import current
from app.domain.people import Role
from app.domain.recovery import OPEN
from app.domain.steps import AskCustomer, GiveUp, RetryAt, Step
from app.extensions import db
from app.services import strategies, strategy_changes
from app.services.overtaking import Seen, seen_now
from app.services.refusals import ActionRefused
from app.storage.claims import live_attempt_seen
from app.storage.experiment_reads import allocation
from app.web.access import me, needs
from app.web.recoveries import find
from app.web.rendering import render
from app.web.told import told_of

bp = Blueprint("strategy_changes", __name__, url_prefix="/recoveries")


@bp.get("/<int:recovery_id>/strategy")
@needs(Role.STAFF)
def preview(recovery_id: int) -> ResponseReturnValue:
    found, session = find(recovery_id), db.session()
    if found.status not in OPEN:
        abort(422, "This recovery has ended: resume it before changing its strategy.")
    choices = strategies.choices(session)
    chosen = next(
        (each for each in choices if each.name == request.args.get("strategy")), None
    )
    step = None
    if chosen is not None:
        step = strategy_changes.preview(session, found, chosen.name, now=current.now())
    return render(
        "recoveries/strategy.html",
        fragment="recoveries/_strategy.html",
        recovery=found,
        choices=choices,
        chosen=chosen,
        step=step,
        step_word=step_word,
        is_held=strategy_changes.is_held(found),
        attempt=live_attempt_seen(session, found.id),
        arm=allocation(session, found.id),
        seen=seen_now(session, found),
    )


@bp.post("/<int:recovery_id>/strategy")
@needs(Role.STAFF)
def create(recovery_id: int) -> ResponseReturnValue:
    find(recovery_id)
    try:
        strategy_changes.change(
            recovery_id,
            request.form.get("strategy", ""),
            user_id=me().id,
            now=current.now(),
            seen=Seen.read(request.form.get("shown", "")),
        )
    except ActionRefused as refusal:
        told = told_of(refusal)
        flash(told.flash, told.tone)
    else:
        flash("The strategy is changed. What is next stands below.", "good")
    return redirect(url_for("recoveries.show", recovery_id=recovery_id), 303)


def step_word(step: Step) -> str:
    """What a step comes to, in the words of the page."""
    match step:
        case RetryAt():
            return "Retry"
        case AskCustomer():
            return "Ask the customer"
        case GiveUp():
            return "Give up: the recovery ends as terminated"
        case _:
            return "Only watch: nothing is planned"
