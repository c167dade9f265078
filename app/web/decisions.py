"""The decisions about one recovery, each computed again from what was kept."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.extensions import db
from app.services.decisions import PARTS, again
from app.storage import decision_reads
from app.web.recoveries import find
from app.web.rendering import render

bp = Blueprint("decisions", __name__, url_prefix="/recoveries")

SHOWN = 25  # each takes some milliseconds


@bp.get("/<int:recovery_id>/decisions")
def index(recovery_id: int) -> ResponseReturnValue:
    found, session = find(recovery_id), db.session()
    rows = decision_reads.newest(session, recovery_id=found.id, limit=SHOWN)
    return render(
        "recoveries/decisions.html",
        recovery=found,
        decisions=[again(session, row) for row in rows],
        shown=SHOWN,
        parts=PARTS,
    )
