"""The dashboard: four true numbers a currency, what needs a person, what just came."""

from urllib.parse import urlencode
from zlib import crc32

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app import current
from app.domain.account import ConnectionStatus
from app.domain.figures import figures
from app.extensions import db
from app.storage import figures as kept
from app.web.dashboard_charts import shown_charts
from app.web.doctor_slot import recent_verdict
from app.web.lists import narrowed, question
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
    cells = kept.cells(session, accounts=accounts)
    waiting = kept.waiting_for_people(session, accounts=accounts)
    news = kept.news(session, accounts=accounts)
    mark = _mark_of(cells, waiting, news, [(a.status, a.is_on) for a in seen])
    if request.args.get("seen") == mark:
        return "", 204
    return render(
        "dashboard/show.html",
        fragment="dashboard/_dashboard.html",
        connected=connected,
        verdicts={a.id: recent_verdict(a.id, now=current.now()) for a in connected},
        figures=figures(cells),
        waiting=waiting,
        news=news,
        charts=shown_charts(session, cells, accounts=accounts, now=current.now()),
        here=_here(asked),
        remarks=asked.remarks,
        kept=asked.kept,
        mark=mark if any(cell.is_open for cell in cells) else None,
    )


def _here(asked: Question) -> str:
    return f"{request.path}?{urlencode(asked.kept)}" if asked.kept else request.path


def _mark_of(*seen: object) -> str:
    """Changes with what is shown, and once a minute for the relative times."""
    minute = int(current.now().timestamp()) // 60
    return f"{crc32(repr(seen).encode('utf-8', 'replace')):08x}-{minute:x}"
