"""Building strategies without code: new, edit, copy, retire; the dry run."""

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from app import current
from app.domain.declines import DeclineKind
from app.domain.people import Role
from app.domain.strategies.own import After, OwnStrategy, Then
from app.domain.strategies.own_rules import KNOWN_CODES, MOST_LINES, Fault, faults_in
from app.domain.strategies.portraits import EXAMPLES
from app.services import own_strategies
from app.services.own_strategies import DefinitionRefused
from app.services.strategies import StrategyRefused, own_strategy
from app.storage.strategy_models import OwnStrategy as OwnRow
from app.web.access import me, needs
from app.web.rendering import render, wants_fragment
from app.web.strategies import draw, profile_of
from app.web.strategy_forms import (
    FUNDINGS,
    LineText,
    focused_line,
    read,
    rearranged,
    texts_of,
    written,
)

bp = Blueprint("own_strategies", __name__, url_prefix="/strategies")

_THEN = {
    Then.SPREAD: "retry, spread evenly",
    Then.DELAYS: "retry after these delays",
    Then.ASK: "ask the customer",
    Then.GIVE_UP: "give up",
}
_AFTER = {After.GIVE_UP: "give up", After.ASK: "ask the customer"}


@bp.get("/new")
@needs(Role.OWNER)
def new() -> ResponseReturnValue:
    copied = request.args.get("copy")
    texts, is_damaged = _texts(_own_row(copied)) if copied else ([LineText()], False)
    return _form(texts, action="/strategies/new", is_damaged=is_damaged)


@bp.post("/new")
@needs(Role.OWNER)
def create() -> ResponseReturnValue:
    return _answer(row=None, action="/strategies/new")


@bp.get("/<name>/edit")
@needs(Role.OWNER)
def edit(name: str) -> ResponseReturnValue:
    row = _present_row(name)
    texts, is_damaged = _texts(row)
    action = f"/strategies/{name}/edit"
    return _form(texts, action=action, row=row, is_damaged=is_damaged)


@bp.post("/<name>/edit")
@needs(Role.OWNER)
def update(name: str) -> ResponseReturnValue:
    return _answer(row=_present_row(name), action=f"/strategies/{name}/edit")


@bp.post("/<name>/retirement")
@needs(Role.OWNER)
def retire(name: str) -> ResponseReturnValue:
    _own_row(name)
    try:
        own_strategies.retire(name, user_id=me().id, now=current.now())
    except StrategyRefused as refusal:
        flash(f"Nothing was changed. {refusal}", "warn")
        return redirect(f"/strategies/{name}", 303)
    flash(
        f"{name} is retired. Recoveries that began with it end as they began.", "good"
    )
    return redirect("/strategies", 303)


def _texts(row: OwnRow) -> tuple[list[LineText], bool]:
    """The fields that give this version; empty ones, and True, where it is damaged."""
    strategy = own_strategy(row)
    if isinstance(strategy, OwnStrategy):
        return written(strategy.definition), False
    return [LineText()], True


def _answer(*, row: OwnRow | None, action: str) -> ResponseReturnValue:
    """Rearrange the lines, show what they do, or save them."""
    texts, wish = texts_of(request.form), request.form.get("do", "save")
    moved = rearranged(texts, wish)
    if moved is not None:
        at = focused_line(wish, of=len(moved))
        return _form(moved, action=action, row=row, focused=at)
    definition, faults = read(texts)
    faults = faults or faults_in(definition)
    if not faults and wish == "show":
        return _form(texts, action=action, row=row, shows=True)
    try:
        if faults:
            raise DefinitionRefused(faults)
        if row is None:
            name = own_strategies.create(
                request.form.get("name", ""),
                definition,
                user_id=me().id,
                now=current.now(),
            )
            said = f"{name} is saved. Choose it for an account to use it."
        else:
            name, before = row.name, row.version
            version = own_strategies.edit(
                name, definition, since=_since(), user_id=me().id, now=current.now()
            )
            said = (
                f"Version {version} is saved: recoveries that begin with {name} from "
                "now on take it. An experiment under way keeps its version."
                if version != before
                else "Nothing has changed, so there is no new version."
            )
    except (DefinitionRefused, StrategyRefused) as refusal:
        told = getattr(refusal, "faults", (Fault(0, "", str(refusal)),))
        return _form(texts, action=action, row=row, faults=told, status=422)
    flash(said, "good")
    return _leave_for(f"/strategies/{name}")


def _leave_for(address: str) -> ResponseReturnValue:
    if wants_fragment():
        return "", 200, {"HX-Redirect": address}
    return redirect(address, 303)


def _since() -> int:
    given = request.form.get("since", "")
    return int(given) if given.isdecimal() and len(given) < 9 else 0


def _form(
    texts: list[LineText],
    *,
    action: str,
    row: OwnRow | None = None,
    faults: tuple[Fault, ...] = (),
    shows: bool = False,
    is_damaged: bool = False,
    focused: int = 0,
    status: int = 200,
) -> ResponseReturnValue:
    strategy = OwnStrategy("preview", "0", read(texts)[0]) if shows else None
    return render(
        "strategies/edit.html",
        fragment="strategies/_form.html",
        status=status,
        texts=texts,
        action=action,
        row=row,
        name=request.form.get("name", "")[:80],
        since=request.form.get("since") or (row.version if row else ""),
        faults=faults,
        is_damaged=is_damaged,
        focused=focused,
        pictures=[(e.title, draw(strategy, e)) for e in EXAMPLES] if strategy else [],
        kinds=list(DeclineKind),
        fundings=[("", "any"), *((each, each) for each in FUNDINGS)],
        thens=_THEN,
        afters=_AFTER,
        codes=KNOWN_CODES,
        most=MOST_LINES,
    )


def _own_row(name: str) -> OwnRow:
    row = profile_of(name).row
    return row or abort(404, "Built-in strategies cannot be changed here.")


def _present_row(name: str) -> OwnRow:
    row = _own_row(name)
    if row.retired_at is not None:
        abort(404, "This strategy is retired. Copy it to go on with it.")
    return row
