"""The Decline Recycling Strategies: what each does, and which account uses which."""

from functools import lru_cache

from flask import Blueprint, Response, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from app import current
from app.domain.account import ConnectionStatus
from app.domain.people import Role
from app.domain.rehearsal import rehearse
from app.domain.strategies import ALL, strategy_named
from app.domain.strategies.portraits import EXAMPLES, PORTRAITS, Example
from app.services import strategies
from app.services.strategies import StrategyRefused
from app.storage.models import StripeAccount
from app.web.access import me, needs
from app.web.accounts_seen import chosen_account_id, seen_accounts
from app.web.rendering import render, wants_fragment
from app.web.schedules import Drawing, drawing

bp = Blueprint("strategies", __name__, url_prefix="/strategies")


@bp.get("")
def index() -> ResponseReturnValue:
    return _index()


@bp.get("/<name>")
def show(name: str) -> ResponseReturnValue:
    if name not in ALL:
        abort(404, "No strategy of this name is known here.")
    return render(
        "strategies/show.html",
        name=name,
        portrait=PORTRAITS[name],
        version=strategy_named(name).version,
        pictures=[(each.title, _drawn(name, each)) for each in EXAMPLES],
        used_by=[a for a in _connected() if a.strategy == name],
    )


@bp.post("/choice")
@needs(Role.OWNER)
def choose() -> ResponseReturnValue:
    account_id, name = chosen_account_id(), request.form.get("strategy", "")
    try:
        strategies.choose(account_id, name, user_id=me().id, now=current.now())
    except StrategyRefused as refusal:
        return _index(refusal=refusal, refused_account=account_id, status=422)
    said = "Chosen. New recoveries take it; those under way keep theirs."
    if wants_fragment():
        return _index(said=said)
    flash(said, "good")
    return redirect("/strategies", 303)


def _index(
    *,
    said: str | None = None,
    refusal: StrategyRefused | None = None,
    refused_account: int | None = None,
    status: int = 200,
) -> Response:
    accounts = _connected()
    return render(
        "strategies/index.html",
        fragment="strategies/_choice.html",
        status=status,
        accounts=accounts,
        portraits=PORTRAITS,
        pictures={name: _drawn(name, EXAMPLES[0]) for name in PORTRAITS},
        example=EXAMPLES[0],
        said=said,
        refusal=refusal,
        refused_account=refused_account,
    )


@lru_cache(maxsize=64)
def _drawn(name: str, example: Example) -> Drawing:
    """Built-in strategies and examples are values: each picture is drawn once."""
    case = example.case
    return drawing(rehearse(strategy_named(name), case, now=case.declined_at))


def _connected() -> list[StripeAccount]:
    left = ConnectionStatus.DISCONNECTED
    return [account for account in seen_accounts() if account.status is not left]
