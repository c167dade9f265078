"""Account Profile, Audit trail: who changed what, and what was charged. For owners."""

import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.domain.people import Role
from app.extensions import db
from app.services import people
from app.storage import audit_trail
from app.storage.listings.audit import AUDIT, CHARGING, ENGINE, PEOPLE, AuditFilter
from app.web.access import needs
from app.web.exports import Columns, export, refuse_what_was_not_understood
from app.web.lists import list_page, narrowed, question
from app.web.question import Question

bp = Blueprint("audit", __name__, url_prefix="/account")

COLUMNS: Columns = {
    "position": "position",
    "id": "id",
    "at": "at",
    "user": "user_id",
    "person": "person",
    "account": "account_id",
    "recovery": "recovery_id",
    "action": "action",
    "detail": "detail",
    "seal": "seal",
}


@bp.get("/audit")
@needs(Role.OWNER)
def index() -> ResponseReturnValue:
    asked, members = question(), people.members()
    wanted = _wanted(asked, {str(member.id) for member in members})
    session = db.session()
    return list_page(
        AUDIT,
        wanted,
        asked,
        folder="audit",
        members=members,
        whats=((PEOPLE, "By people"), (ENGINE, "By the engine"), (CHARGING, "Charges")),
        end=audit_trail.end_of_chain(session),
        waiting=audit_trail.waiting(session)[0],
    )


@bp.get("/audit.csv")
@needs(Role.OWNER)
def export_csv() -> Response:
    return export("audit.csv", AUDIT, _asked_for(), COLUMNS)


@bp.get("/audit.jsonl")
@needs(Role.OWNER)
def export_lines() -> Response:
    wanted = _asked_for()
    db.session.rollback()
    chunks = AUDIT.chunks(partial(Session, db.engine), wanted)
    response = Response(lines(chunks), mimetype="application/jsonl")
    response.headers["Content-Disposition"] = 'attachment; filename="audit.jsonl"'
    return response


def lines(chunks: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Each entry as a line of JSON, with all that its seal covers."""
    for rows in chunks:
        yield "".join(f"{json.dumps(told(row), ensure_ascii=False)}\n" for row in rows)


def told(row: Any) -> dict[str, Any]:
    """What an export says of one entry."""
    values = {name: getattr(row, column) for name, column in COLUMNS.items()}
    return values | {"at": row.at.isoformat(timespec="microseconds")}


def _asked_for() -> AuditFilter:
    asked = question()
    wanted = _wanted(asked, {str(member.id) for member in people.members()})
    refuse_what_was_not_understood(asked)
    return wanted


def _wanted(asked: Question, members: set[str]) -> AuditFilter:
    who = asked.word("who", members)
    since, before = asked.days()
    return AuditFilter(
        user_id=int(who) if who else None,
        what=asked.word("what", {PEOPLE, ENGINE, CHARGING}),
        since=since,
        before=before,
        accounts=narrowed(asked),
    )
