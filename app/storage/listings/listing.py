"""A listing: what a filter shows, page by page for people, whole for exports."""

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

from app.storage.listings import search
from app.storage.listings.keyset import (
    Cursor,
    Order,
    Page,
    end_of_walk,
    ends_of,
    keys_of,
    page_of,
    parts_along,
    parts_of,
)
from app.storage.listings.narrowing import (
    NEAR,
    WALKED,
    Narrowing,
    aside,
    conditions,
    equal,
    leads_of,
    leads_unasked,
    walk_of,
)
from app.storage.listings.written import written

Filter = TypeVar("Filter")
# Rows in one read of an export: few reads, and little kept at once.
CHUNK = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What every listing can be narrowed by; None leaves a question open.

    `since` is included, `before` is not. `accounts` are those the viewer may see,
    None for all.
    """

    text: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    accounts: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Amounts:
    """From `least` to `most`, both included, in the smallest unit of `currency`;
    None: no end."""

    currency: str
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """How far a search may look, and in which database's words."""

    dialect: str
    most: int | None
    # The narrowings that an index may serve; None: the database chooses.
    leads: frozenset[str] | None = None
    # What the search found, where it was made beforehand.
    found: tuple[int, ...] | None = None

    def sorts(self, order: Order) -> bool:
        """Whether few rows are brought and then sorted, so that the order's own index
        must not be walked."""
        return self.leads is not None and not order.names <= self.leads

    def matches(self, text: str) -> Select[int]:
        """Ids of the subscriptions that `text` means."""
        if self.found is not None:
            return search.among(self.found)
        return search.matches(text, dialect=self.dialect, most=self.most)


@dataclass(frozen=True, slots=True)
class Listing(Generic[Filter]):
    """One statement and the order it is read in."""

    order: Order
    statement: Callable[[Filter, Asked], Select[*tuple[Any, ...]]]
    # What the filter says, for choosing the index; none: the database chooses.
    narrowings: Callable[[Filter], Sequence[Narrowing]] | None = None

    def page(
        self,
        session: Session,
        wanted: Filter,
        *,
        cursor: Cursor | None,
        size: int,
        order: Order | None = None,
    ) -> Page:
        """One page in `order`, or in the listing's own. One query; two where rows
        without the order's column follow those with it. Where the filters may be rarely
        true together, it is told before where to stop; where that leaves the page not
        full, once more and further off, and there the page is cut."""
        order = order or self.order
        for rows, asked in self._looks(session, wanted, order):
            ends = _ends_of(self, wanted, asked, order, cursor, rows)
            end = end_of_walk(session, ends, order=order, cursor=cursor)
            parts = _parts_of(self, wanted, asked, order, cursor, size, end, rows)
            page = page_of(
                session, parts, order=order, cursor=cursor, size=size, end=end
            )
            if not page.is_cut:
                break
        return page

    def _looks(
        self, session: Session, wanted: Filter, order: Order
    ) -> Iterator[tuple[int, Asked]]:
        """How far to look for a page, and led by which filters; if that does not fill
        it, how far then."""
        dialect = session.get_bind().dialect.name
        text = getattr(wanted, "text", None)
        if text:
            found = search.found(session, text)
            leads = self._leads(session, wanted, order)
            yield WALKED, Asked(dialect, search.MOST_MATCHES, leads, found)
            return
        unasked = None
        if self.narrowings is not None:
            unasked = leads_unasked(
                _narrowings_of(self, wanted),
                ordered_by=order.names,
                is_own_order=order.key is self.order.key,
            )
        yield NEAR, Asked(dialect, search.MOST_MATCHES, unasked)
        leads = self._leads(session, wanted, order)
        yield WALKED, Asked(dialect, search.MOST_MATCHES, leads)

    def chunks(
        self, opened: Callable[[], AbstractContextManager[Session]], wanted: Filter
    ) -> Iterator[Sequence[Any]]:
        """Everything, in the same order. Each chunk is a read of its own, so that a
        slow reader neither holds a connection nor keeps the database from tidying."""
        cursor = None
        with opened() as session:
            leads = self._leads(session, wanted, self.order)
        while True:
            with opened() as session:
                asked = Asked(session.get_bind().dialect.name, None, leads)
                parts = parts_of(
                    self.statement(wanted, asked),
                    order=self.order,
                    cursor=cursor,
                    size=CHUNK,
                    is_sorted=asked.sorts(self.order),
                )
                page = page_of(
                    session, parts, order=self.order, cursor=cursor, size=CHUNK
                )
            if page.rows:
                yield page.rows
            cursor = page.after
            if cursor is None:
                return

    def written(
        self,
        opened: Callable[[], AbstractContextManager[Session]],
        wanted: Filter,
        names: Sequence[str],
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Everything, in chunks as above: of each row the columns `names`, as files
        hold them."""
        with opened() as session:
            dialect = session.get_bind().dialect.name
            asked = Asked(dialect, None, self._leads(session, wanted, self.order))
        cursor = None
        while True:
            part = self._to_write(wanted, asked, names, cursor)
            with opened() as session:
                found = session.connection().execute(part).all()
            rows = found[:CHUNK]
            if rows:
                yield [row[2:] for row in rows]
            if len(found) <= CHUNK:
                return
            cursor = Cursor(rows[-1][0], rows[-1][1])

    def _to_write(
        self, wanted: Filter, asked: Asked, names: Sequence[str], cursor: Cursor | None
    ) -> Select[*tuple[Any, ...]]:
        """Key and id, for the next cursor, before the columns of the file."""
        statement = self.statement(wanted, asked)
        kept = statement.selected_columns
        columns = [written(kept[name], dialect=asked.dialect) for name in names]
        statement = statement.with_only_columns(self.order.key, self.order.id, *columns)
        (part,) = parts_of(
            statement,
            order=self.order,
            cursor=cursor,
            size=CHUNK,
            is_sorted=asked.sorts(self.order),
        )
        return part

    def _leads(
        self, session: Session, wanted: Filter, order: Order
    ) -> frozenset[str] | None:
        if self.narrowings is None:
            return None
        if getattr(wanted, "text", None):
            return frozenset()  # what is searched for leaves few rows
        return leads_of(
            session,
            _narrowings_of(self, wanted),
            ordered_by=order.names,
            is_own_order=order.key is self.order.key,
        )


# The statements of the first page, and of what open pages ask every few seconds:
# building one costs more than most of them take.
@lru_cache(maxsize=64)
def _narrowings_of(listing: Listing[Any], wanted: Scope) -> Sequence[Narrowing]:
    return listing.narrowings(wanted) if listing.narrowings else ()


@lru_cache(maxsize=64)
def _ends_of(
    listing: Listing[Any],
    wanted: Scope,
    asked: Asked,
    order: Order,
    cursor: Cursor | None,
    rows: int,
) -> list[Select[*tuple[Any, ...]]]:
    """How to find where to stop after so many `rows`; none where that is needless."""
    walk = _walk_of(listing, wanted, asked, order)
    if walk is None:
        return []
    return ends_of(walk, order=order, cursor=cursor, rows=rows)


@lru_cache(maxsize=64)
def _walk_of(
    listing: Listing[Any], wanted: Scope, asked: Asked, order: Order
) -> list[ColumnElement[bool]] | None:
    if asked.leads is None:
        return None
    narrowings = _narrowings_of(listing, wanted)
    return walk_of(narrowings, asked.leads, ordered_by=order.names)


@lru_cache(maxsize=64)
def _parts_of(
    listing: Listing[Any],
    wanted: Scope,
    asked: Asked,
    order: Order,
    cursor: Cursor | None,
    size: int,
    end: Cursor | None,
    rows: int,
) -> list[Select[*tuple[Any, ...]]]:
    walk = _walk_of(listing, wanted, asked, order)
    if walk is not None and asked.dialect == "postgresql":
        statement = listing.statement(wanted, replace(asked, leads=frozenset()))
        narrowings = _narrowings_of(listing, wanted)
        told = [each for each in narrowings if each.name in order.tells]
        keys = keys_of([*walk, *conditions(told, frozenset())], order).limit(rows)
        return parts_along(
            statement, keys, order=order, cursor=cursor, size=size, end=end
        )
    statement = listing.statement(wanted, asked)
    return parts_of(
        statement,
        order=order,
        cursor=cursor,
        size=size,
        end=end,
        is_sorted=asked.sorts(order),
    )


def amounting(
    wanted: Amounts | None,
    *,
    amount: InstrumentedAttribute[int],
    currency: InstrumentedAttribute[str],
) -> list[Narrowing]:
    """The amounts and their currency, with which their index begins."""
    if wanted is None:
        return []
    same = [currency == wanted.currency]
    ends = _given((operator.ge, wanted.least), (operator.le, wanted.most))
    found = [Narrowing(currency.key, same, is_wider=bool(ends))]
    if ends:
        by_index = [*same, *(compare(amount, end) for compare, end in ends)]
        found.append(Narrowing(amount.key, by_index))
    return found


def scoping(
    scope: Scope,
    *,
    at: InstrumentedAttribute[datetime],
    account: InstrumentedAttribute[int],
) -> list[Narrowing]:
    """Time and accounts. Of several accounts an index has each one's rows in order, not
    all of them together."""
    found: list[Narrowing] = []
    ends = _given((operator.ge, scope.since), (operator.lt, scope.before))
    if ends:
        found.append(Narrowing(at.key, [compare(at, end) for compare, end in ends]))
    if scope.accounts is not None and len(scope.accounts) == 1:
        found += equal(account, next(iter(scope.accounts)))
    elif scope.accounts is not None:
        found.append(Narrowing("accounts", [account.in_(sorted(scope.accounts))]))
    return found


def within(
    scope: Scope,
    *,
    at: InstrumentedAttribute[datetime],
    account: InstrumentedAttribute[int] | InstrumentedAttribute[int | None],
) -> list[ColumnElement[bool]]:
    """The conditions on time and account."""
    found: list[ColumnElement[bool]] = []
    if scope.since is not None:
        found.append(at >= scope.since)
    if scope.before is not None:
        found.append(at < scope.before)
    if scope.accounts is not None:
        one = len(scope.accounts) == 1
        column = account.expression if one else aside(account)
        found.append(column.in_(sorted(scope.accounts)))
    return found


def _given(*ends: tuple[Callable[[Any, Any], Any], Any]) -> list[tuple[Any, Any]]:
    return [(compare, end) for compare, end in ends if end is not None]
