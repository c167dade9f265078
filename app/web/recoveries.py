"""One recovery: where it stands, why, and what people may do about it."""

from collections.abc import Callable
from zlib import crc32

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app import current
from app.domain.people import Role
from app.domain.recovery import OPEN, AttemptStatus, PauseCause, RecoveryStatus
from app.extensions import db
from app.services import fees, recoveries
from app.services.following import HELD_AT_STRIPE
from app.services.recoveries import ActionRefused
from app.storage.histories import History, history_of_recovery, recovery_by_id
from app.storage.models import Recovery
from app.web.access import me, needs
from app.web.lists import sight
from app.web.rendering import render, wants_fragment
from app.web.timeline import entries

bp = Blueprint("recoveries", __name__, url_prefix="/recoveries")

LONGEST_REASON = 500


@bp.get("/<int:recovery_id>")
def show(recovery_id: int) -> ResponseReturnValue:
    found = _found(recovery_id)
    history = history_of_recovery(db.session(), found)
    mark = _mark_of(found, history)
    if request.args.get("seen") == mark:
        return "", 204
    return _page(found, history, mark=mark)


@bp.post("/<int:recovery_id>/retries")
@needs(Role.STAFF)
def create_retry(recovery_id: int) -> ResponseReturnValue:
    return _act(
        recovery_id,
        lambda: recoveries.bring_forward(
            recovery_id, user_id=me().id, now=current.now()
        ),
        done="The retry is next in line; its answer will show here in a moment.",
    )


@bp.post("/<int:recovery_id>/pause")
@needs(Role.STAFF)
def create_pause(recovery_id: int) -> ResponseReturnValue:
    return _act(
        recovery_id,
        lambda: recoveries.pause(recovery_id, user_id=me().id, now=current.now()),
        done="Paused. Nothing is charged until a person resumes it.",
    )


@bp.post("/<int:recovery_id>/resume")
@needs(Role.STAFF)
def create_resume(recovery_id: int) -> ResponseReturnValue:
    return _act(
        recovery_id,
        lambda: recoveries.resume(recovery_id, user_id=me().id, now=current.now()),
        done="Resumed. The next step is planned below.",
    )


@bp.post("/<int:recovery_id>/stop")
@needs(Role.STAFF)
def create_stop(recovery_id: int) -> ResponseReturnValue:
    reason = " ".join(request.form.get("reason", "").split())[:LONGEST_REASON]
    return _act(
        recovery_id,
        lambda: recoveries.stop(
            recovery_id, user_id=me().id, reason=reason, now=current.now()
        ),
        done="Stopped. It will not be charged again by us.",
    )


def _act(
    recovery_id: int, action: Callable[[], object], *, done: str
) -> ResponseReturnValue:
    """Do it and show where the recovery stands; a refusal says what came first."""
    _found(recovery_id)
    try:
        action()
    except ActionRefused as refusal:
        tone, sentence = "warn", f"Nothing was changed. {refusal}"
    else:
        tone, sentence = "good", done
    if not wants_fragment():
        flash(sentence, tone)
        return redirect(url_for("recoveries.show", recovery_id=recovery_id), 303)
    found = _found(recovery_id)
    history = history_of_recovery(db.session(), found)
    said = {"tone": tone, "sentence": sentence}
    return _page(found, history, mark=_mark_of(found, history), said=said)


def _page(
    found: Recovery, history: History, *, mark: str, said: dict[str, str] | None = None
) -> ResponseReturnValue:
    return render(
        "recoveries/show.html",
        fragment="recoveries/_recovery.html",
        recovery=found,
        timeline=entries(history),
        is_cut=history.is_cut,
        planned=_planned(history),
        actions=_actions(found),
        fee=_fee(found),
        card=next(
            (
                decline
                for decline in history.declines
                if decline.stripe_payment_method_id == found.stripe_payment_method_id
            ),
            None,
        ),
        mark=mark if found.status in OPEN else None,
        said=said,
    )


def _actions(found: Recovery) -> frozenset[str]:
    """What the services would not refuse at first sight."""
    by_person = found.paused_because is PauseCause.PERSON
    may_resume = by_person or found.status in (
        RecoveryStatus.STOPPED,
        RecoveryStatus.TERMINATED,
    )
    if not me().role.may(Role.STAFF):
        return frozenset()
    names = set()
    over = (RecoveryStatus.RECOVERED, RecoveryStatus.CLOSED)
    if found.status not in over and found.paused_because not in HELD_AT_STRIPE:
        names.add("retry")
    if found.status in OPEN:
        names.add("stop")
        if not by_person:
            names.add("pause")
    if may_resume:
        names.add("resume")
    return frozenset(names)


def _fee(found: Recovery) -> dict[str, object] | None:
    """What a retry by hand would cost at the network: shown before it is asked for."""
    if "retry" not in _actions(found):
        return None
    session, now = db.session(), current.now()
    return {
        "now": fees.fee_now(session, found, now=now),
        "month": fees.fees_of(session, found.account, now=now),
    }


def _planned(history: History) -> object:
    live = {AttemptStatus.SCHEDULED, AttemptStatus.RUNNING, AttemptStatus.UNKNOWN}
    return next((each for each in history.attempts if each.status in live), None)


def _found(recovery_id: int) -> Recovery:
    found = recovery_by_id(db.session(), recovery_id, accounts=sight())
    return found or abort(404, "No recovery with this number is known here.")


def _mark_of(found: Recovery, history: History) -> str:
    """Changes with what the page shows, and once a minute for its relative times."""
    newest = [
        (each.id, each.status, each.due_at, each.started_at, each.finished_at)
        for each in history.attempts
    ]
    counted = len(history.declines), len(history.actions)
    state = (found.status, found.status_reason, found.looked_at, found.paused_because)
    minute = int(current.now().timestamp()) // 60
    seen = repr((state, newest, counted))
    return f"{crc32(seen.encode('utf-8', 'replace')):08x}-{minute:x}"
