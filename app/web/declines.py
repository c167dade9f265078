"""The history of declines."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.domain.declines import DeclineKind, MadeBy
from app.storage.listings.declines import DECLINES
from app.web.chips import chips
from app.web.decline_counts import counts_of
from app.web.decline_list import (
    ADVICE,
    BRANDS,
    FILTER_LABELS,
    FUNDINGS,
    SORT_LABELS,
    known_currencies,
    wanted_declines,
    wanted_order,
)
from app.web.lists import list_page, question
from app.web.view_tabs import views_on

bp = Blueprint("declines", __name__, url_prefix="/declines")


@bp.get("")
def index() -> ResponseReturnValue:
    asked = question()
    wanted = wanted_declines(asked)
    order = wanted_order(asked, wanted)
    return list_page(
        DECLINES,
        wanted,
        asked,
        folder="declines",
        order=order,
        chips=chips(asked.kept, FILTER_LABELS),
        views=views_on("declines", asked.kept),
        list_name="declines",
        counts=counts_of(wanted, asked.kept),
        sort=asked.kept.get("sort", "-occurred"),
        sorts=SORT_LABELS,
        currencies=known_currencies,
        kinds=list(DeclineKind),
        advices=ADVICE,
        brands=BRANDS,
        fundings=FUNDINGS,
        makers=list(MadeBy),
    )
