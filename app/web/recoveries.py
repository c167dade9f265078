"""One recovery: where it stands, why, and what people may do about it."""

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app import current
from app.domain.card_use import CardUse, card_use
from app.domain.people import Role
from app.domain.recovery import OPEN, PauseCause, RecoveryStatus
from app.domain.steps import RetryAt
from app.extensions import db
from app.services import fees, recoveries
from app.services.overtaking import Seen, seen_now
from app.services.refusals import ActionRefused
from app.services.verdicts import HELD_AT_STRIPE
from app.storage.cases import case_of
from app.storage.experiment_reads import allocation
from app.storage.histories import History, history_of_recovery, recovery_by_id
from app.storage.models import Recovery
from app.web.access import me, needs
from app.web.lists import sight
from app.web.rendering import render, wants_fragment
from app.web.timeline import entries, mark_of
from app.web.told import NOTHING, Told, told_of

bp = Blueprint("recoveries", __name__, url_prefix="/recoveries")

LONGEST_REASON = 500


@bp.get("/<int:recovery_id>")
def show(recovery_id: int) -> ResponseReturnValue:
    found = find(recovery_id)
    history = history_of_recovery(db.session(), found)
    if request.args.get("seen") == mark_of(history, found.looked_at):
        return "", 204
    return page(found, history)


@bp.post("/<int:recovery_id>/retries")
@needs(Role.STAFF)
def create_retry(recovery_id: int) -> ResponseReturnValue:
    return _act(
        recovery_id,
        lambda: recoveries.bring_forward(
            recovery_id, user_id=me().id, now=current.now(), seen=_seen()
        ),
        done="The retry is next in line; its answer will show here in a moment.",
    )


@bp.post("/<int:recovery_id>/pause")
@needs(Role.STAFF)
def create_pause(recovery_id: int) -> ResponseReturnValue:
    return _act(
        recovery_id,
        lambda: recoveries.pause(
            recovery_id, user_id=me().id, now=current.now(), seen=_seen()
        ),
        done="Paused. Nothing is charged until a person resumes it.",
    )


@bp.post("/<int:recovery_id>/resume")
@needs(Role.STAFF)
def create_resume(recovery_id: int) -> ResponseReturnValue:
    return _act(
        recovery_id,
        lambda: recoveries.resume(
            recovery_id, user_id=me().id, now=current.now(), seen=_seen()
        ),
        done="Resumed. The next step is planned below.",
    )


@bp.post("/<int:recovery_id>/stop")
@needs(Role.STAFF)
def create_stop(recovery_id: int) -> ResponseReturnValue:
    reason = " ".join(request.form.get("reason", "").split())[:LONGEST_REASON]
    return _act(
        recovery_id,
        lambda: recoveries.stop(
            recovery_id,
            user_id=me().id,
            reason=reason,
            now=current.now(),
            seen=_seen(),
        ),
        done="Stopped. It will not be charged again by us.",
    )


def _seen() -> Seen | None:
    """What the form says that its page showed."""
    return Seen.read(request.form.get("shown", ""))


def _act(
    recovery_id: int, action: Callable[[], object], *, done: str
) -> ResponseReturnValue:
    """Do it and show where the recovery stands; a refusal says what came first."""
    find(recovery_id)
    try:
        action()
    except ActionRefused as refusal:
        told = told_of(refusal)
    else:
        told = Told(done)
    if not wants_fragment():
        flash(told.flash, told.tone)
        return redirect(url_for("recoveries.show", recovery_id=recovery_id), 303)
    found = find(recovery_id)
    history = history_of_recovery(db.session(), found)
    return page(found, history, told=told)


def page(
    found: Recovery, history: History, *, told: Told = NOTHING
) -> ResponseReturnValue:
    """The page of one recovery, or its fragment for htmx."""
    return render(
        "recoveries/show.html",
        fragment="recoveries/_recovery.html",
        status=told.status,
        recovery=found,
        timeline=entries(history),
        is_cut=history.is_cut,
        attempt=history.live_attempt_of(found),
        actions=_actions(found),
        seen=seen_now(db.session(), found),
        now_retry=_now_retry(found),
        card_use=_card_use(found),
        arm=allocation(db.session(), found.id),
        card=next(
            (
                decline
                for decline in history.declines
                if decline.stripe_payment_method_id == found.stripe_payment_method_id
            ),
            None,
        ),
        mark=mark_of(history, found.looked_at) if found.status in OPEN else None,
        may_note=me().role.may(Role.STAFF),
        told=told,
    )


def _actions(found: Recovery) -> frozenset[str]:
    """What the services would not refuse at first sight."""
    if not me().role.may(Role.STAFF):
        return frozenset()
    names = set()
    over = (RecoveryStatus.RECOVERED, RecoveryStatus.CLOSED)
    if found.status not in over and found.paused_because not in HELD_AT_STRIPE:
        names.add("retry")
    if found.status in OPEN:
        names |= {"stop", "strategy"}
        if found.paused_because is not PauseCause.PERSON:
            names.add("pause")
    if recoveries.is_resumable(found):
        names.add("resume")
    return frozenset(names)


def _card_use(found: Recovery) -> CardUse | None:
    """What the networks count against the card, while it may be charged."""
    now = current.now()
    case = case_of(db.session(), found, now=now) if found.status in OPEN else None
    is_card = case is not None and case.card.kind in (None, "card")
    return card_use(case, now) if case is not None and is_card else None


def _now_retry(found: Recovery) -> dict[str, object] | None:
    """What a retry by hand would cost, or what forbids it: before it is asked for."""
    if "retry" not in _actions(found):
        return None
    session, now = db.session(), current.now()
    step = recoveries.step_now(session, found, "", now=now)
    return {
        "is_allowed": isinstance(step, RetryAt) and step.at <= now,
        "step": step,
        "fee": fees.fee_now(session, found, now=now),
        "month": fees.fees_of(session, found.account, now=now),
    }


def find(recovery_id: int) -> Recovery:
    """The recovery; 404 where the viewer knows none of this number."""
    found = recovery_by_id(db.session(), recovery_id, accounts=sight())
    return found or abort(404, "No recovery with this number is known here.")
