"""The rows of the history of declines, as HTML: not a template, for the reason that
subscription_rows.py gives. What others named goes through escape()."""

from collections.abc import Iterable
from dataclasses import fields
from functools import lru_cache
from html import escape
from operator import attrgetter
from typing import Any
from urllib.parse import quote

from flask import Blueprint
from markupsafe import Markup

from app.domain.classify import explain
from app.domain.declines import Codes, DeclineKind, MadeBy
from app.web.explaining import made_by
from app.web.filters import money, name_of, pill, when
from app.web.words import NOTHING, word_of

bp = Blueprint("decline_rows", __name__)  # no routes: it lends a function to templates

# Of a row the codes, in the order of Codes.
_told = attrgetter(*(field.name for field in fields(Codes)))


@bp.app_template_global()
def decline_rows(rows: Iterable[Any]) -> Markup:
    """A `<tr>` for each of `rows`."""
    return Markup("".join([_row(row) for row in rows]))  # noqa: S704


def _row(row: Any) -> str:
    return (
        f'<tr><th scope="row">{_customer(row)}</th>\n'
        f'<td data-label="When">{when(row.occurred_at)}</td>\n'
        '<td data-label="Amount" class="num">'
        f"{_amount(row.amount, row.currency)}</td>\n"
        '<td data-label="What it means" class=prose>'
        f"{_meaning(row.kind, _told(row))}</td>\n"
        f'<td data-label="Card"><span>{_card(row)}</span></td>\n'
        '<td data-label="Made by"><span>'
        f"{_maker(row.made_by, row.attempt)}</span></td></tr>\n"
    )


def _customer(row: Any) -> str:
    name = f"<bdi>{escape(name_of(row))}</bdi>"
    if row.recovery_id:
        return f'<a href="/recoveries/{row.recovery_id}">{name}</a>'
    return f'{name}<br><span class="quiet small">no renewal</span>'


@lru_cache(maxsize=1024)  # plans have few prices
def _amount(amount: int, currency: str) -> str:
    return escape(money(amount, currency))


@lru_cache(maxsize=256)  # the same few codes over and over
def _meaning(kind: DeclineKind, told: tuple[str | None, ...]) -> str:
    codes = Codes(*told)
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
    return f"{_brand(row.brand)}{digits}{_kind_of_card(row.funding, row.country)}"


@lru_cache(maxsize=256)
def _brand(brand: str) -> str:
    return escape(word_of(brand))


@lru_cache(maxsize=1024)
def _kind_of_card(funding: str | None, country: str | None) -> str:
    kind = f"{escape(funding or '')} {escape(country or '')}"
    return f'<br><span class="quiet small">{kind}</span>'


@lru_cache(maxsize=256)
def _maker(maker: MadeBy, attempt: int | None) -> str:
    who, _, more = made_by(maker).partition(", ")
    if attempt:
        more = f"retry {attempt}"
    return f"{escape(who)}<br><small class=quiet>{escape(more)}</small>"
