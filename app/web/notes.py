"""Notes of the staff: written on the page of a subscription or a recovery."""

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app import current
from app.domain.people import Role
from app.extensions import db
from app.services import notes
from app.services.notes import NoteRefused
from app.storage.histories import history_of_recovery, history_of_subscription
from app.web import recoveries, subscriptions
from app.web.access import me, needs
from app.web.rendering import wants_fragment
from app.web.told import Told

bp = Blueprint("notes", __name__)

KEPT = "The note is kept."


@bp.post("/recoveries/<int:recovery_id>/notes")
@needs(Role.STAFF)
def about_recovery(recovery_id: int) -> ResponseReturnValue:
    recoveries.find(recovery_id)
    text = request.form.get("text", "")
    fault = None
    try:
        notes.about_recovery(recovery_id, text, user_id=me().id, now=current.now())
    except NoteRefused as refusal:
        fault = str(refusal)
    if fault is None and not wants_fragment():
        flash(KEPT, "good")
        return redirect(url_for("recoveries.show", recovery_id=recovery_id), 303)
    found = recoveries.find(recovery_id)
    history = history_of_recovery(db.session(), found)
    return recoveries.page(found, history, told=_told(text, fault))


@bp.post("/subscriptions/<stripe_subscription_id>/notes")
@needs(Role.STAFF)
def about_subscription(stripe_subscription_id: str) -> ResponseReturnValue:
    found = subscriptions.find(stripe_subscription_id)
    text = request.form.get("text", "")
    fault = None
    try:
        notes.about_subscription(found.id, text, user_id=me().id, now=current.now())
    except NoteRefused as refusal:
        fault = str(refusal)
    if fault is None and not wants_fragment():
        flash(KEPT, "good")
        address = url_for(
            "subscriptions.show", stripe_subscription_id=stripe_subscription_id
        )
        return redirect(address, 303)
    found = subscriptions.find(stripe_subscription_id)
    history = history_of_subscription(db.session(), found)
    return subscriptions.page(found, history, told=_told(text, fault))


def _told(text: str, fault: str | None) -> Told:
    return Told(note_fault=fault, note_text=text) if fault else Told(KEPT)
