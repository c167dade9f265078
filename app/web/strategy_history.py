"""A back-test of two strategies on one's own closed recoveries."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.backtest.history import LEAST_CASES
from app.domain.strategies import ADAPTIVE, DEFAULT
from app.extensions import db
from app.services import strategies
from app.services.past_cases import back_test
from app.web.lists import narrowed, question
from app.web.rendering import render

bp = Blueprint("strategy_history", __name__, url_prefix="/strategies/history")


@bp.get("")
def show() -> ResponseReturnValue:
    session, asked = db.session(), question()
    titles = {each.name: each.title for each in strategies.choices(session)}
    first = request.args.get("first", DEFAULT)
    second = request.args.get("second", ADAPTIVE)
    refusal = _refusal(first, second, titles)
    accounts = narrowed(asked)
    tested = None if refusal else back_test(session, first, second, accounts=accounts)
    return render(
        "strategies/history.html",
        status=422 if refusal else 200,
        titles=titles,
        first=first,
        second=second,
        refusal=refusal,
        kept=asked.kept,
        remarks=asked.remarks,
        tested=tested,
        least=LEAST_CASES,
        has_adaptive=ADAPTIVE in {first, second},
    )


def _refusal(first: str, second: str, titles: dict[str, str]) -> str | None:
    if first not in titles or second not in titles:
        return "Choose two strategies from the lists."
    return "Choose two different strategies." if first == second else None
