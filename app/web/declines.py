"""The history of declines."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.domain.classify import explain
from app.domain.declines import DeclineKind
from app.storage.listings.declines import DECLINES, DeclineFilter
from app.web.lists import list_page, narrowed, question
from app.web.question import Question, words_of

bp = Blueprint("declines", __name__, url_prefix="/declines")


@bp.get("")
def index() -> ResponseReturnValue:
    asked = question()
    return list_page(
        DECLINES,
        wanted_declines(asked),
        asked,
        folder="declines",
        kinds=list(DeclineKind),
        explain=explain,
    )


def wanted_declines(asked: Question) -> DeclineFilter:
    """The filter that an address asks for."""
    kind = asked.word("kind", words_of(DeclineKind))
    since, before = asked.days()
    return DeclineFilter(
        text=asked.text("q"),
        code=asked.code("code"),
        kind=DeclineKind(kind) if kind else None,
        since=since,
        before=before,
        accounts=narrowed(asked),
    )
