"""Which subscriptions a searched piece of text means."""

from collections.abc import Sequence
from itertools import product
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

from app.storage.listings import search_postgresql
from app.storage.models import Recovery, Subscription

# A page over more matches than this helps nobody; the search stays fast whatever is
# typed. Exports look at all of them.
MOST_MATCHES = 500
LONGEST = 200
_TRIGRAM = 3

_IDS: tuple[InstrumentedAttribute[str], ...] = (
    Subscription.stripe_subscription_id,
    Subscription.stripe_customer_id,
)
_TEXTS: tuple[InstrumentedAttribute[str], ...] = (
    Subscription.customer_name,
    Subscription.customer_email,
)
_search_table = table("subscription_search", column("rowid"))


def tidy(text: str) -> str:
    """What is searched for: without NUL, which no database keeps, and not endless."""
    return " ".join(text.replace("\0", " ").split())[:LONGEST]


def found(session: Session, text: str) -> tuple[int, ...] | None:
    """The ids that matches() selects, `MOST_MATCHES` at most, where they are to be
    found beforehand; None where the database does well in one statement."""
    if session.get_bind().dialect.name == "sqlite":
        return None
    is_short = len(text) < _TRIGRAM
    return search_postgresql.found(session, text, is_short=is_short, most=MOST_MATCHES)


def among(ids: Sequence[int]) -> Select[int]:
    """Ids found beforehand, as a subquery."""
    array = literal(list(ids), ARRAY(BigInteger))
    return select(func.unnest(array).column_valued("found"))


def matches(text: str, *, dialect: str, most: int | None) -> Select[int]:
    """Ids of subscriptions whose customer's name or e-mail holds `text` (or begins
    with it, when it is shorter than three characters), or whose subscription,
    customer or invoice id is `text` (or, on SQLite, begins with it); of each kind the
    `most` newest."""
    parts = _on_sqlite(text) if dialect == "sqlite" else _on_postgresql(text)
    limited = [part.limit(most).subquery() for part in parts]
    union = union_all(*(select(part.c[0]) for part in limited)).subquery()
    return select(union.c[0])


def _on_sqlite(text: str) -> list[Select[int]]:
    if len(text) < _TRIGRAM:
        variants = {
            "".join(each) for each in product(*((c.lower(), c.upper()) for c in text))
        }
        return [
            select(Subscription.id).where(_begins(column, variant))
            for column in (*_TEXTS, *_IDS)
            for variant in sorted(variants)
        ]
    phrase = '"{}"'.format(text.replace('"', '""'))
    contains = (
        select(_search_table.c.rowid)
        .where(literal_column("subscription_search").op("MATCH")(phrase))
        .order_by(_search_table.c.rowid.desc())
    )
    begin = [select(Subscription.id).where(_begins(column, text)) for column in _IDS]
    return [contains, *begin, _of_invoice(_begins(Recovery.stripe_invoice_id, text))]


def _on_postgresql(text: str) -> list[Select[int]]:
    escaped = "".join(f"\\{c}" if c in "\\%_" else c for c in text)
    pattern = f"%{escaped}%" if len(text) >= _TRIGRAM else f"{escaped}%"
    return [
        select(Subscription.id)
        .where(or_(*(column.ilike(pattern, escape="\\") for column in _TEXTS)))
        .order_by(Subscription.id.desc()),
        *(select(Subscription.id).where(column == text) for column in _IDS),
        _of_invoice(Recovery.stripe_invoice_id == text),
    ]


def _of_invoice(which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return select(Recovery.subscription_id).where(
        which, Recovery.subscription_id.is_not(None)
    )


def _begins(column: InstrumentedAttribute[str], text: str) -> ColumnElement[bool]:
    """A range, so that a plain index serves it: SQLite compares bytes."""
    return and_(column >= text, column < text + "\U0010ffff")
