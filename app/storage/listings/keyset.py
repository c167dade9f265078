"""Pages by key: a page is told by the row it begins after, never by a number."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Result, Select, literal, select, tuple_
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

from app.storage.base import UTCDateTime
from app.storage.listings.narrowing import aside

Key = datetime | int | str
Spelling = Callable[[InstrumentedAttribute[Any]], ColumnElement[Any]]
_LARGEST = 2**63 - 1
_LONGEST = 600


class BadCursor(ValueError):
    """A cursor that this order never gave out."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The row a page begins after; or, backwards, the row it ends before.

    `order` is the name of the order it was made in, `group` the row's group there.
    """

    key: Key | None
    id: int
    backwards: bool = False
    order: str = ""
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """By one column, and by id where it is equal; every order has an index for it.

    `group` comes before the column: amounts are compared within a currency. Where the
    column `may_be_absent`, rows without it stand at the end, in both directions.
    `fixed` are columns before it in its index, of which the filter shows one value,
    `tells` those behind it.
    """

    key: InstrumentedAttribute[Any]
    id: InstrumentedAttribute[int]
    falling: bool = True
    name: str = ""
    group: InstrumentedAttribute[Any] | None = None
    may_be_absent: bool = False
    fixed: frozenset[str] = frozenset()
    tells: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[InstrumentedAttribute[Any], ...]:
        """What rows are ordered by, in this order."""
        first = () if self.group is None else (self.group,)
        return (*first, self.key, self.id)

    @property
    def names(self) -> frozenset[str]:
        """Of the columns that its index begins with."""
        return frozenset(column.key for column in self.columns) | self.fixed

    @property
    def key_type(self) -> type[Key]:
        if isinstance(self.key.type, UTCDateTime):
            return datetime
        return int if self.key.type.python_type is int else str


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, as named tuples, and where the neighbouring pages begin; None: there
    are none. `is_cut`: the page is not full, and what follows was not looked at."""

    rows: Sequence[Any]
    before: Cursor | None
    after: Cursor | None
    is_cut: bool = False


def page_of(
    session: Session,
    parts: Sequence[Select[*tuple[Any, ...]]],
    *,
    order: Order,
    cursor: Cursor | None,
    size: int,
    end: Cursor | None = None,
) -> Page:
    """`size` rows of the `parts` that parts_of() made for the same order and place."""
    backwards = _is_back(cursor)
    found: list[Any] = []
    for part in parts:
        if len(found) <= size:
            # Plain columns: what the session adds for whole objects is not needed.
            found += _named(session.connection().execute(part))
    more, rows = len(found) > size, found[:size]
    if backwards:
        rows.reverse()
    if end is not None and not more:
        return _cut_page(rows, order, cursor, end)
    if not rows:
        return Page([], None, None)
    return Page(
        rows,
        before=_at(rows[0], order, backwards=True)
        if (more if backwards else cursor)
        else None,
        after=_at(rows[-1], order) if backwards or more else None,
    )


def _cut_page(
    rows: list[Any], order: Order, cursor: Cursor | None, end: Cursor
) -> Page:
    """The page of which only the part up to `end` was looked at."""
    if end.backwards:
        return Page(rows, end, _at(rows[-1], order) if rows else None, is_cut=True)
    first = _at(rows[0], order, backwards=True) if rows and cursor else None
    return Page(rows, first, end, is_cut=True)


def end_of_walk(
    session: Session,
    ends: Sequence[Select[*tuple[Any, ...]]],
    *,
    order: Order,
    cursor: Cursor | None,
) -> Cursor | None:
    """Where the walk ends for which ends_of() made `ends`; None: where the rows do."""
    for last in ends:
        if found := _named(session.connection().execute(last)):
            return _at(found[0], order, backwards=_is_back(cursor))
    return None


def ends_of(
    conditions: Sequence[ColumnElement[bool]],
    *,
    order: Order,
    cursor: Cursor | None,
    rows: int,
) -> list[Select[*tuple[Any, ...]]]:
    """What to read for the end of a walk of so many `rows` from `cursor` on, in the
    index that serves the `conditions` and the order: the first row that is found. Of
    those with the order's column and of those without it so many each."""
    keys = keys_of(conditions, order)
    return [part.limit(1).offset(rows - 1) for part in _parts(keys, order, cursor)]


def keys_of(
    conditions: Sequence[ColumnElement[bool]], order: Order
) -> Select[*tuple[Any, ...]]:
    """What the rows under these conditions are ordered by."""
    return select(*order.columns).where(*conditions)


def write(cursor: Cursor) -> str:
    """The cursor as a word for an address."""
    key = cursor.key.isoformat() if isinstance(cursor.key, datetime) else cursor.key
    told: list[Any] = [key, cursor.id, int(cursor.backwards)]
    if cursor.order:
        told += [cursor.order, cursor.group]
    return urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()


def read(word: str, *, order: Order) -> Cursor:
    """The cursor that `word` stands for. Raises BadCursor for anything else, and for
    one of another order."""
    if len(word) > _LONGEST:
        raise BadCursor("too long")
    try:
        packed = urlsafe_b64decode(word.encode("ascii") + b"=" * (-len(word) % 4))
        key, row_id, backwards, *rest = json.loads(packed)
        name, group = rest or ("", None)
        if order.key_type is datetime and key is not None:
            key = datetime.fromisoformat(key).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise BadCursor("not a cursor") from None
    if name != order.name or _is_group(group) is not (order.group is not None):
        raise BadCursor("a cursor of another order")
    if not _is_key(key, order) or not _is_id(row_id) or backwards not in (0, 1):
        raise BadCursor("not a cursor of this order")
    return Cursor(key, row_id, bool(backwards), order.name, group)


def parts_of(
    statement: Select[*tuple[Any, ...]],
    *,
    order: Order,
    cursor: Cursor | None,
    size: int,
    end: Cursor | None = None,
    is_sorted: bool = False,
) -> list[Select[*tuple[Any, ...]]]:
    """What to read for a page of `size` rows from `cursor` on, up to `end`, where one
    is given. `statement` must select the order's key and id. `is_sorted`: it brings few
    rows, which are sorted; the order's index is left alone."""
    spelled = aside if is_sorted else _plainly
    parts = _parts(statement, order, cursor, end, spelled=spelled)
    # One more than is shown tells whether there is a further page.
    return [part.limit(size + 1) for part in parts]


def parts_along(
    statement: Select[*tuple[Any, ...]],
    keys: Select[*tuple[Any, ...]],
    *,
    order: Order,
    cursor: Cursor | None,
    size: int,
    end: Cursor | None,
) -> list[Select[*tuple[Any, ...]]]:
    """The same among the rows whose `keys` are selected, as many as their limit says:
    for PostgreSQL, which else may think of another way that reads the whole table."""
    parts = []
    for part in _parts(keys, order, cursor, end):
        near = part.subquery("near")
        falling = order.falling ^ _is_back(cursor)
        ordered = (near.c[column.key] for column in order.columns)
        joined = statement.where(order.id == near.c[order.id.key])
        parts.append(
            joined.order_by(*(c.desc() if falling else c for c in ordered)).limit(
                size + 1
            )
        )
    return parts


def _plainly(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    return column.expression


def _parts(
    statement: Select[*tuple[Any, ...]],
    order: Order,
    cursor: Cursor | None,
    end: Cursor | None = None,
    *,
    spelled: Spelling = _plainly,
) -> list[Select[*tuple[Any, ...]]]:
    """The statement from `cursor` on, up to `end`; in two pieces where the key may be
    absent: the rows that have it, and those that have not."""
    if not order.may_be_absent:
        return [_walk(statement, order, cursor, end, spelled=spelled)]
    sides = [True, False] if _is_back(cursor) else [False, True]
    if cursor is not None:
        sides = sides[sides.index(cursor.key is None) :]
    if end is not None:
        sides = sides[: sides.index(end.key is None) + 1]
    key = spelled(order.key)
    return [
        _walk(
            statement.where(key.is_(None) if is_absent else key.is_not(None)),
            order,
            cursor,
            end,
            spelled=spelled,
            is_absent=is_absent,
        )
        for is_absent in sides
    ]


def _walk(
    statement: Select[*tuple[Any, ...]],
    order: Order,
    cursor: Cursor | None,
    end: Cursor | None,
    *,
    spelled: Spelling,
    is_absent: bool = False,
) -> Select[*tuple[Any, ...]]:
    """In `order`, from behind `cursor` up to `end`, as far as they stand among these
    rows, whose key `is_absent` or is not. Whole rows are compared, which an index
    answers wherever those two lie."""
    columns = (order.id,) if is_absent else order.columns
    ordered = [spelled(column) for column in columns]
    falling = order.falling ^ _is_back(cursor)
    here = tuple_(*ordered)
    if cursor is not None and (cursor.key is None) is is_absent:
        there = _values(cursor, order, columns)
        statement = statement.where(here < there if falling else here > there)
    if end is not None and (end.key is None) is is_absent:
        there = _values(end, order, columns)
        statement = statement.where(here >= there if falling else here <= there)
    return statement.order_by(*(c.desc() if falling else c for c in ordered))


def _values(
    place: Cursor, order: Order, columns: Sequence[InstrumentedAttribute[Any]]
) -> ColumnElement[Any]:
    told = {order.key: place.key, order.id: place.id, order.group: place.group}
    return tuple_(*(literal(told[column], column.type) for column in columns))


def _is_back(cursor: Cursor | None) -> bool:
    return cursor is not None and cursor.backwards


def _named(result: Result[*tuple[Any, ...]]) -> list[Any]:
    """The rows as plain named tuples: templates read hundreds of values, and reading
    one of SQLAlchemy's rows by name takes ten times as long."""
    kind: Any = _kind_of_row(tuple(result.keys()))
    return [kind._make(row) for row in result.all()]


@lru_cache(maxsize=64)
def _kind_of_row(names: tuple[str, ...]) -> type:
    return namedtuple("Listed", names)


def _at(row: Any, order: Order, *, backwards: bool = False) -> Cursor:
    key, row_id = getattr(row, order.key.key), getattr(row, order.id.key)
    group = None if order.group is None else getattr(row, order.group.key)
    return Cursor(key, row_id, backwards, order.name, group)


def _is_key(value: object, order: Order) -> bool:
    if value is None:
        return order.may_be_absent
    if isinstance(value, int) and abs(value) > _LARGEST:
        return False
    return type(value) is order.key_type


def _is_group(value: object) -> bool:
    # Nothing that a database refuses to read: NUL, half a surrogate pair.
    return isinstance(value, str) and value.isprintable()


def _is_id(value: object) -> bool:
    return type(value) is int and 0 < value <= _LARGEST
