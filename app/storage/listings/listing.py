"""A listing: what a filter shows, page by page for people, whole for exports."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

from app.storage.listings import search
from app.storage.listings.keyset import Cursor, Order, Page, page_of

Filter = TypeVar("Filter")
# Rows in one read of an export: few reads, and little kept at once.
CHUNK = 2000


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

    def matches(self, text: str) -> Select[int]:
        """Ids of the subscriptions that `text` means."""
        return search.matches(text, dialect=self.dialect, most=self.most)


@dataclass(frozen=True, slots=True)
class Listing(Generic[Filter]):
    """One statement and the order it is read in."""

    order: Order
    statement: Callable[[Filter, Asked], Select[*tuple[Any, ...]]]

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
        without the order's column follow those with it."""
        asked = Asked(session.get_bind().dialect.name, search.MOST_MATCHES)
        statement = self.statement(wanted, asked)
        order = order or self.order
        return page_of(session, statement, order=order, cursor=cursor, size=size)

    def chunks(
        self, opened: Callable[[], AbstractContextManager[Session]], wanted: Filter
    ) -> Iterator[Sequence[Any]]:
        """Everything, in the same order. Each chunk is a read of its own, so that a
        slow reader neither holds a connection nor keeps the database from tidying."""
        cursor = None
        while True:
            with opened() as session:
                asked = Asked(session.get_bind().dialect.name, None)
                statement = self.statement(wanted, asked)
                page = page_of(
                    session, statement, order=self.order, cursor=cursor, size=CHUNK
                )
            if page.rows:
                yield page.rows
            cursor = page.after
            if cursor is None:
                return


def amounting(
    wanted: Amounts | None,
    *,
    amount: InstrumentedAttribute[int],
    currency: InstrumentedAttribute[str],
) -> list[ColumnElement[bool]]:
    """The conditions on amount and currency."""
    if wanted is None:
        return []
    conditions: list[ColumnElement[bool]] = [currency == wanted.currency]
    if wanted.least is not None:
        conditions.append(amount >= wanted.least)
    if wanted.most is not None:
        conditions.append(amount <= wanted.most)
    return conditions


def within(
    scope: Scope,
    *,
    at: InstrumentedAttribute[datetime],
    account: InstrumentedAttribute[int] | InstrumentedAttribute[int | None],
) -> list[ColumnElement[bool]]:
    """The conditions on time and account."""
    conditions: list[ColumnElement[bool]] = []
    if scope.since is not None:
        conditions.append(at >= scope.since)
    if scope.before is not None:
        conditions.append(at < scope.before)
    if scope.accounts is not None:
        conditions.append(account.in_(sorted(scope.accounts)))
    return conditions
