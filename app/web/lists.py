"""A list on a page: filtered, paged by key, refreshing itself while work goes on."""

import pickle
from collections.abc import Collection, Container, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode
from zlib import crc32

from flask import g, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm.attributes import InstrumentedAttribute
from werkzeug.datastructures import MultiDict

from app import current
from app.extensions import db
from app.storage.listings.currencies import currencies
from app.storage.listings.keyset import Cursor, Order, Page, write
from app.storage.listings.listing import Listing
from app.storage.listings.narrowing import WALKED
from app.web.accounts_seen import account_choices, standing
from app.web.accounts_seen import sight as sight
from app.web.filters import viewer_zone
from app.web.question import Question
from app.web.rendering import render, wants_fragment
from app.web.words import plural

PAGE_SIZE = 50
LONGEST_QUERY = 4000  # of a kept address
Filter = TypeVar("Filter")


def question() -> Question:
    """What this request's address asks."""
    return Question(request.args, zone=viewer_zone())


def question_of(query: str) -> Question:
    """What an address asked whose query was kept."""
    return Question(MultiDict(parse_qsl(query)), zone=viewer_zone())


def sort_of(asked: Question, sorts: Collection[str], *, usual: str) -> str:
    """The word of the order asked for. `usual` when none is: then no link says it."""
    sort = asked.word("sort", sorts) or usual
    if sort == usual:
        asked.kept.pop("sort", None)
    return sort


def currencies_of(column: InstrumentedAttribute[Any]) -> list[str]:
    """The currencies there are in `column`; asked once a request."""
    known: dict[str, list[str]] = g.setdefault("currencies", {})
    if str(column) not in known:
        known[str(column)] = currencies(db.session(), column)
    return known[str(column)]


def narrowed(asked: Question) -> frozenset[int] | None:
    """The accounts that this list is about: all in sight, or the one asked for."""
    known = {str(account.id) for account in account_choices()}
    wanted = asked.word("account", known)
    return frozenset({int(wanted)}) if wanted else sight()


def list_page(
    listing: Listing[Filter],
    wanted: Filter,
    asked: Question,
    *,
    folder: str,
    order: Order | None = None,
    **context: Any,
) -> ResponseReturnValue:
    """The page `folder`/index.html, or its `_list.html` for htmx.

    A poll that would bring nothing new is answered 204, which changes nothing.
    """
    order = order or listing.order
    cursor = asked.cursor(order)
    page = listing.page(
        db.session(), wanted, cursor=cursor, size=PAGE_SIZE, order=order
    )
    is_live = cursor is None and standing().is_busy
    mark = _mark_of(page) if is_live else None
    if mark and request.args.get("seen") == mark:
        return "", 204
    if page.is_cut:
        asked.remarks.append(_cut_remark(len(page.rows)))
    here = address(asked.kept)
    response = render(
        f"{folder}/index.html",
        fragment=f"{folder}/_list.html",
        rows=page.rows,
        kept=asked.kept,
        remarks=asked.remarks,
        pager=_pager(page, asked),
        here=here,
        is_past_the_end=cursor is not None and not (page.rows or page.is_cut),
        is_connected=standing().is_connected,
        mark=mark,
        **context,
    )
    if wants_fragment() and "seen" not in request.args:
        # The address without the fields that were left empty: for sharing.
        response.headers["HX-Push-Url"] = here
    return response


def address(kept: Mapping[str, str], *, but: Container[str] = ()) -> str:
    """This list under these filters, `but` some of them: may be kept and shared."""
    args = {name: value for name, value in kept.items() if name not in but}
    return f"{request.path}?{urlencode(args)}" if args else request.path


def _pager(page: Page, asked: Question) -> dict[str, str | None]:
    """The neighbouring pages under the same filters."""

    def at(cursor: Cursor | None) -> str | None:
        return address({**asked.kept, "page": write(cursor)}) if cursor else None

    return {"previous": at(page.before), "next": at(page.after)}


def _cut_remark(found: int) -> str:
    fitting = plural(found, "row fits", "rows fit") if found else "none fits"
    return (
        f"These filters are rarely true together: of {WALKED:,} rows {fitting}. "
        "Those behind them were not looked at yet: go on to the next page."
    )


def _mark_of(page: Page) -> str:
    """Changes with the rows, and once a minute: "in 3 minutes" must not stand still."""
    minute = int(current.now().timestamp()) // 60
    # Never read again: of all ways to spell the rows out it is the quickest.
    seen = pickle.dumps([tuple(row) for row in page.rows])
    return f"{crc32(seen):08x}-{minute:x}"
