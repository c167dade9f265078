"""The dashboard: true numbers of a period, what needs a person, what just came."""

from urllib.parse import urlencode
from zlib import crc32

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from app import current
from app.domain.account import ConnectionStatus
from app.domain.periods import SPAN_WORDS, Span
from app.extensions import db
from app.storage import figures as kept
from app.web.doctor_slot import recent_verdict
from app.web.lists import narrowed, question
from app.web.overview import asked_period, overview
from app.web.question import Question
from app.web.rendering import render

bp = Blueprint("dashboard", __name__)


@bp.get("/")
def show() -> ResponseReturnValue:
    session, asked = db.session(), question()
    accounts = narrowed(asked)
    seen = kept.accounts_of(session, accounts=accounts)
    left = ConnectionStatus.DISCONNECTED
    connected = [account for account in seen if account.status is not left]
    period = asked_period(asked, now=current.now())
    seen_now = overview(session, period, accounts=accounts)
    waiting = kept.waiting_for_people(session, accounts=accounts)
    news = kept.news(session, accounts=accounts)
    standing = [(account.status, account.is_on) for account in seen]
    mark = _mark_of(seen_now, waiting, news, standing)
    if request.args.get("seen") == mark:
        return "", 204
    return render(
        "dashboard/show.html",
        fragment="dashboard/_dashboard.html",
        connected=connected,
        verdicts={a.id: recent_verdict(a.id, now=current.now()) for a in connected},
        overview=seen_now,
        spans=_spans(asked),
        report=_report(asked),
        waiting=waiting,
        news=news,
        here=_here(asked),
        remarks=asked.remarks,
        kept=asked.kept,
        mark=mark if seen_now.is_live else None,
    )


def _spans(asked: Question) -> list[tuple[Span, str, str]]:
    """Each span with its words and the address of this page for it."""
    rest = {name: value for name, value in asked.kept.items() if name != "period"}
    return [
        (span, words, f"/?{urlencode({**rest, 'period': span.value})}")
        for span, words in SPAN_WORDS.items()
    ]


def _report(asked: Question) -> str:
    """The address of the PDF that says what this page says."""
    return url_for("reports.recovered", **asked.kept)  # type: ignore[arg-type]


def _here(asked: Question) -> str:
    return f"{request.path}?{urlencode(asked.kept)}" if asked.kept else request.path


def _mark_of(*seen: object) -> str:
    """Changes with what is shown, and once a minute for the relative times."""
    minute = int(current.now().timestamp()) // 60
    return f"{crc32(repr(seen).encode('utf-8', 'replace')):08x}-{minute:x}"
