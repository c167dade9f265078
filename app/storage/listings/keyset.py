"""Pages by key: a page is told by the row it begins after, never by a number."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, literal, tuple_
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

from app.storage.base import UTCDateTime

Key = datetime | int | str
_LARGEST = 2**63 - 1
_LONGEST = 600


class BadCursor(ValueError):
    """A cursor that this order never gave out."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The row a page begins after; or, backwards, the row it ends before."""

    key: Key
    id: int
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """By one column, and by id where it is equal; every column has an index for it."""

    key: InstrumentedAttribute[Any]
    id: InstrumentedAttribute[int]
    falling: bool = True

    @property
    def key_type(self) -> type[Key]:
        if isinstance(self.key.type, UTCDateTime):
            return datetime
        return int if self.key.type.python_type is int else str


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and where the neighbouring pages begin; None: there are none."""

    rows: Sequence[Row[Any]]
    before: Cursor | None
    after: Cursor | None


def page_of(
    session: Session,
    statement: Select[*tuple[Any, ...]],
    *,
    order: Order,
    cursor: Cursor | None,
    size: int,
) -> Page:
    """`size` rows of `statement`, which must select the order's key and id."""
    backwards = cursor is not None and cursor.backwards
    found = list(session.execute(_from(statement, order, cursor).limit(size + 1)))
    more, rows = len(found) > size, found[:size]
    if backwards:
        rows.reverse()
    if not rows:
        return Page([], None, None)
    return Page(
        rows,
        before=_at(rows[0], order, backwards=True)
        if (more if backwards else cursor)
        else None,
        after=_at(rows[-1], order) if backwards or more else None,
    )


def write(cursor: Cursor) -> str:
    """The cursor as a word for an address."""
    key = cursor.key.isoformat() if isinstance(cursor.key, datetime) else cursor.key
    packed = json.dumps([key, cursor.id, int(cursor.backwards)]).encode()
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def read(word: str, *, order: Order) -> Cursor:
    """The cursor that `word` stands for. Raises BadCursor for anything else."""
    if len(word) > _LONGEST:
        raise BadCursor("too long")
    try:
        packed = urlsafe_b64decode(word.encode("ascii") + b"=" * (-len(word) % 4))
        key, row_id, backwards = json.loads(packed)
        if order.key_type is datetime:
            key = datetime.fromisoformat(key).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise BadCursor("not a cursor") from None
    if type(key) is not order.key_type or not _is_id(row_id) or backwards not in (0, 1):
        raise BadCursor("not a cursor of this order")
    if isinstance(key, int) and abs(key) > _LARGEST:
        raise BadCursor("out of range")
    return Cursor(key, row_id, backwards=bool(backwards))


def _from(
    statement: Select[*tuple[Any, ...]], order: Order, cursor: Cursor | None
) -> Select[*tuple[Any, ...]]:
    falling = order.falling
    if cursor is not None:
        falling ^= cursor.backwards
        here = tuple_(order.key, order.id)
        edge = tuple_(literal(cursor.key, order.key.type), literal(cursor.id))
        statement = statement.where(here < edge if falling else here > edge)
    if falling:
        return statement.order_by(order.key.desc(), order.id.desc())
    return statement.order_by(order.key, order.id)


def _at(row: Row[Any], order: Order, *, backwards: bool = False) -> Cursor:
    key = getattr(row, order.key.key)
    return Cursor(key, getattr(row, order.id.key), backwards=backwards)


def _is_id(value: object) -> bool:
    return type(value) is int and 0 < value <= _LARGEST
