"""What Stripe told us, what became of it, and a second try."""

from flask import Blueprint, abort, flash, redirect
from flask.typing import ResponseReturnValue

from app import current
from app.domain.account import EventStatus
from app.domain.people import Role
from app.extensions import db
from app.services import events
from app.storage.listings.events import EVENTS, EventFilter
from app.storage.models import StripeEvent
from app.web.access import me, needs
from app.web.lists import list_page, narrowed, question, sight
from app.web.question import words_of

bp = Blueprint("events", __name__, url_prefix="/events")


@bp.get("")
@needs(Role.STAFF)
def index() -> ResponseReturnValue:
    asked = question()
    status = asked.word("status", words_of(EventStatus))
    since, before = asked.days()
    wanted = EventFilter(
        status=EventStatus(status) if status else None,
        since=since,
        before=before,
        accounts=narrowed(asked),
    )
    return list_page(EVENTS, wanted, asked, folder="events", statuses=list(EventStatus))


@bp.post("/<int:event_id>/replay")
def replay(event_id: int) -> ResponseReturnValue:
    _refuse_unseen(event_id)
    try:
        events.replay(event_id, user_id=me().id, now=current.now())
    except events.CannotReplay as reason:
        flash(str(reason), "bad")
    else:
        flash("The event is being handled again.", "good")
    return redirect("/events", 303)


def _refuse_unseen(event_id: int) -> None:
    """An event of an account this person may not see does not exist for them."""
    event, seen = db.session.get(StripeEvent, event_id), sight()
    if event is None or (seen is not None and event.account_id not in seen):
        abort(404, "There is no such event.")
