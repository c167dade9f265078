"""The rows of the list of subscriptions, as HTML.

Not a template: fifty rows of ten cells are most of the page, and in a template each of
their pieces costs as much as a whole cell does here. What Stripe or a person named goes
through escape(); all else is words, numbers and times of ours. Cells that are alike in
many rows are written once.
"""

from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import quote

from flask import Blueprint
from markupsafe import Markup

from app.web.filters import NO_VALUE, cut, money, name_of, pill, span, when
from app.web.subscription_list import COLUMNS
from app.web.words import NOTHING, word_of

bp = Blueprint("subscription_rows", __name__)  # no routes: it lends a function

_LONGEST_EMAIL, _LONGEST_PLAN = 60, 40
_KEPT = 1024  # plans have few names and prices


@bp.app_template_global()
def subscription_rows(
    rows: Iterable[Any], shown: Collection[str], *, may_act: bool
) -> Markup:
    """A `<tr>` for each of `rows`: the customer, with a box to tick where the viewer
    `may_act`, and the columns `shown`."""
    first = _to_tick if may_act else _customer
    cells = [(_BEGINS[name], cell) for name, cell in _CELLS.items() if name in shown]
    written = [
        f"<tr>{first(row)}"
        f"{''.join([f'{begin}{cell(row)}</td>' for begin, cell in cells])}</tr>\n"
        for row in rows
    ]
    return Markup("".join(written))  # noqa: S704


def _to_tick(row: Any) -> str:
    mark = f"c{row.id}"
    return (
        f'<td class="pick"><input type="checkbox" name="id" value="{row.id}" '
        f'form="bulk" aria-labelledby="{mark}"></td>\n{_customer(row, f" id={mark}")}'
    )


def _customer(row: Any, mark: str = "") -> str:
    address = f"/subscriptions/{quote(row.stripe_subscription_id)}"
    link = f'<a{mark} href="{address}"><bdi>{escape(name_of(row))}</bdi></a>'
    if not (row.customer_name and row.customer_email):
        return f'<th scope="row">{link}</th>'
    email = escape(cut(row.customer_email, _LONGEST_EMAIL))
    return f'<th scope="row">{link}<br><bdi class="quiet small">{email}</bdi></th>'


@lru_cache(maxsize=_KEPT)
def _plan(plan: str) -> str:
    return f"<bdi>{escape(cut(plan, _LONGEST_PLAN) or NOTHING)}</bdi>"


@lru_cache(maxsize=_KEPT)
def _price(amount: int, currency: str, interval: str | None, count: int) -> str:
    price = escape(money(amount, currency))
    if not interval:
        return price
    return f'{price} <span class="quiet">/ {escape(span(interval, count))}</span>'


@lru_cache(maxsize=_KEPT)
def _recovered(amount: int, currency: str) -> str:
    return escape(money(amount, currency)) if amount else NO_VALUE


@lru_cache(maxsize=_KEPT)
def _word(status: str) -> str:
    return escape(word_of(status))


@lru_cache(maxsize=_KEPT)
def _code(code: str | None) -> str:
    return f'<span class="id">{escape(code)}</span>' if code else NO_VALUE


def _next_retry(row: Any) -> str:
    if not row.stripe_retries_at:
        return when(row.next_retry_at)
    return f"{pill('stripe_retries')} {when(row.stripe_retries_at)}"


_CELLS: dict[str, Callable[[Any], str]] = {
    "plan": lambda row: _plan(row.plan),
    "amount": lambda row: _price(
        row.amount, row.currency, row.interval, row.interval_count
    ),
    "lifecycle": lambda row: pill(row.lifecycle),
    "status": lambda row: _word(row.status),
    "declines": lambda row: str(row.declines),
    "last_code": lambda row: _code(row.last_decline_code),
    "attempts": lambda row: str(row.attempts),
    "next_retry": _next_retry,
    "recovered": lambda row: _recovered(row.recovered_amount, row.currency),
    "created": lambda row: when(row.created_at),
    "period_end": lambda row: when(row.current_period_end),
}
_NUMBERS = frozenset({"amount", "declines", "attempts", "recovered"})
_BEGINS = {
    name: f'<td data-label="{label}"{" class=num" if name in _NUMBERS else ""}>'
    for name, label in COLUMNS.items()
}
