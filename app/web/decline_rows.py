"""The rows of the history of declines, as HTML: not a template, for the reason that
subscription_rows.py gives. What others named goes through escape()."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from flask import Blueprint
from markupsafe import Markup, escape

from app.domain.classify import explain
from app.domain.declines import Codes
from app.web.explaining import codes_of, made_by
from app.web.filters import customer, money, pill, when
from app.web.words import NOTHING, word_of

bp = Blueprint("decline_rows", __name__)  # no routes: it lends a function to templates


@bp.app_template_global()
def decline_rows(rows: Iterable[Any]) -> Markup:
    """A `<tr>` for each of `rows`."""
    return Markup("".join([_row(row) for row in rows]))  # noqa: S704


def _row(row: Any) -> str:
    return (
        f'<tr><th scope="row">{_customer(row)}</th>\n'
        f'<td data-label="When">{when(row.occurred_at)}</td>\n'
        '<td data-label="Amount" class="num">'
        f"{escape(money(row.amount, row.currency))}</td>\n"
        f'<td data-label="What it means">{_meaning(row.kind, codes_of(row))}</td>\n'
        f'<td data-label="Card"><span>{_card(row)}</span></td>\n'
        f'<td data-label="Made by">{_maker(row)}</td></tr>\n'
    )


def _customer(row: Any) -> str:
    if row.recovery_id:
        return f'<a href="/recoveries/{row.recovery_id}">{customer(row)}</a>'
    return f'{customer(row)}<br><span class="quiet small">no renewal</span>'


@lru_cache(maxsize=256)  # the same few codes over and over
def _meaning(kind: str, codes: Codes) -> str:
    meaning, code = explain(codes), codes.decline_code
    link = ""
    if code:
        address = f"/declines?code={quote(code)}"
        link = f' <a class="id" href="{address}">{escape(code)}</a>'
    return (
        f"<div>{pill(kind)}{link}<br>"
        f'<span class="quiet small">{escape(meaning.staff)}</span>'
        '<details class="say"><summary>To the customer</summary>'
        f"“{escape(meaning.customer)}”</details></div>"
    )


def _card(row: Any) -> str:
    if not row.brand:
        return NOTHING
    digits = f" ••{escape(row.last4)}" if row.last4 else ""
    kind = f"{escape(row.funding or '')} {escape(row.country or '')}"
    brand = escape(word_of(row.brand))
    return f'{brand}{digits}<br><span class="quiet small">{kind}</span>'


def _maker(row: Any) -> str:
    attempt = f", no. {row.attempt}" if row.attempt else ""
    return f"{escape(made_by(row.made_by))}{attempt}"
