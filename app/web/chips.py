"""What a list says about itself: the filters in force, its order, words to choose."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from flask import Blueprint
from markupsafe import Markup

from app.domain.decline_codes import ROWS, Space
from app.web.accounts_seen import account_choices
from app.web.lists import address
from app.web.words import word_of

bp = Blueprint("chips", __name__)  # no routes: it lends its words to templates

Say = Callable[[Mapping[str, str]], str]
# What goes with a filter: without its currency an amount means nothing.
_WITH = {"currency": ("currency", "amount_from", "amount_to")}


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter: `label` and `value` in words, `without` the list's address."""

    label: str
    value: str
    without: str


def chips(kept: Mapping[str, str], labels: Mapping[str, str]) -> list[Chip]:
    """Those of `labels` that are in force, in the order of `labels`."""
    return [
        Chip(label, _said(name, kept), address(kept, but=_WITH.get(name, (name,))))
        for name, label in labels.items()
        if name in kept
    ]


@bp.app_template_global()
def ordered(kept: Mapping[str, str], sort: str) -> str:
    """The same list in another order."""
    return address({**kept, "sort": sort})


def choice_word(value: str) -> str:
    """A value of a filter in words."""
    return "Not known" if value == "unknown" else word_of(value)


@bp.app_template_global()
@cache
def known_codes() -> Markup:
    """Stripe's decline codes as options, to choose from while typing."""
    codes = (row.code for row in ROWS if row.space is Space.STRIPE)
    return Markup("").join(Markup('<option value="{}">').format(c) for c in codes)


@bp.app_template_global()
def word_options(words: Iterable[str], chosen: str) -> Markup:
    """The values of a filter as options, by their words."""
    return _options(tuple((str(word), choice_word(word)) for word in words), chosen)


@bp.app_template_global()
def sort_options(sorts: Mapping[str, str], chosen: str) -> Markup:
    """The orders of a list as options, by their labels."""
    return _options(tuple(sorts.items()), chosen)


@bp.app_template_global()
def column_boxes(columns: Mapping[str, str], shown: Iterable[str]) -> Markup:
    """A box to tick for each column, by its label; ticked for those `shown`."""
    return _boxes(tuple(columns.items()), tuple(shown))


@lru_cache(maxsize=256)
def _boxes(labels: tuple[tuple[str, str], ...], ticked: tuple[str, ...]) -> Markup:
    return Markup("").join(
        Markup(
            '<label class="tick"><input type="checkbox" name="column" value="{}"{}>'
            " {}</label>"
        ).format(name, Markup(" checked") if name in ticked else "", label)
        for name, label in labels
    )


@lru_cache(maxsize=256)  # the same few questions stand above every list
def _options(labels: tuple[tuple[str, str], ...], chosen: str) -> Markup:
    return Markup("").join(
        Markup('<option value="{}"{}>{}</option>').format(
            value, Markup(" selected") if value == chosen else "", label
        )
        for value, label in labels
    )


def _said(name: str, kept: Mapping[str, str]) -> str:
    say = _SAID.get(name)
    return say(kept) if say else kept[name]


def _account(kept: Mapping[str, str]) -> str:
    names = {str(each.id): each.name for each in account_choices()}
    return names.get(kept["account"]) or kept["account"]


def _word(name: str) -> Say:
    return lambda kept: choice_word(kept[name])


def _money(name: str) -> Say:
    return lambda kept: f"{kept[name]} {kept['currency'].upper()}"


_SAID: dict[str, Say] = {
    **{
        name: _word(name)
        for name in (
            *("lifecycle", "status", "kind", "advice", "brand", "funding"),
            "made_by",
        )
    },
    "amount_from": _money("amount_from"),
    "amount_to": _money("amount_to"),
    "currency": lambda kept: kept["currency"].upper(),
    "account": _account,
}
