"""Which index a list is read by, where several could be: SQLite keeps no statistics of
ours, and would rather sort a million rows than walk past some.

Each narrowing of a list is spelled twice: so that an index may serve it, and so that it
is only checked on the rows that another one brings. PostgreSQL chooses by itself.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    UnaryExpression,
    func,
    literal_column,
    select,
)
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute
from sqlalchemy.sql.operators import custom_op

# So many rows are read and sorted in a few milliseconds.
FEW = 1_000
# So many rows of an index are walked along for one page, checking each. Most filters
# fill it with far fewer, and to count, or to look where so many end, takes time itself.
NEAR, WALKED = 2_000, 20_000


@dataclass(frozen=True)
class Narrowing:
    """One filter in force, under the name of the column it is about.

    `is_in_order`: its index goes on in the listing's own order. `is_wider`: another
    one of the filter has the same index and leaves fewer rows.
    """

    name: str
    by_index: Sequence[ColumnElement[bool]]
    aside: Sequence[ColumnElement[bool]]
    is_in_order: bool = False
    is_wider: bool = False

    @cached_property
    def counting(self) -> Select[int]:
        """How many rows there are for it, as far as that matters."""
        some: Select[*tuple[Any, ...]] = (
            select(literal_column("1")).where(*self.by_index).limit(FEW + 1)
        )
        return select(func.count()).select_from(some.subquery())


def aside(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """The column, in a way that no index serves (https://sqlite.org/optoverview.html:
    a unary plus keeps a term from the indexes)."""
    return UnaryExpression(
        column.expression, operator=custom_op("+"), type_=column.type
    )


def equal(column: InstrumentedAttribute[Any], value: object) -> list[Narrowing]:
    """`column`, whose index goes on in the listing's order, has this value; None:
    whatever it has."""
    if value is None:
        return []
    by_index, beside = [column == value], [aside(column) == value]
    return [Narrowing(column.key, by_index, beside, is_in_order=True)]


def conditions(
    narrowings: Iterable[Narrowing], leads: frozenset[str] | None
) -> list[ColumnElement[bool]]:
    """All of them: those of `leads` by index; None: all."""
    return [
        condition
        for each in narrowings
        for condition in (
            each.by_index if leads is None or each.name in leads else each.aside
        )
    ]


def leads_of(
    session: Session,
    narrowings: Sequence[Narrowing],
    *,
    ordered_by: frozenset[str],
    is_own_order: bool,
) -> frozenset[str]:
    """The names that may use an index: what the rows are `ordered_by`, and the one
    that leaves fewest rows, where that helps. For SQLite."""
    others = [each for each in narrowings if each.name not in ordered_by]
    unasked = leads_unasked(
        narrowings, ordered_by=ordered_by, is_own_order=is_own_order
    )
    if len(others) == 1 and others[0].name in unasked:
        return unasked
    counts = {
        each.name: session.connection().scalar(each.counting) or 0
        for each in others
        if not each.is_wider
    }
    fewest = min(counts, key=lambda name: counts[name], default=None)
    if fewest is not None and counts[fewest] <= FEW:
        return ordered_by | {fewest}
    return unasked


def leads_unasked(
    narrowings: Sequence[Narrowing], *, ordered_by: frozenset[str], is_own_order: bool
) -> frozenset[str]:
    """The same, as far as it can be told without counting."""
    in_order = (
        each.name
        for each in narrowings
        if is_own_order and each.is_in_order and each.name not in ordered_by
    )
    return ordered_by | set(itertools.islice(in_order, 1))


def walk_of(
    narrowings: Sequence[Narrowing],
    leads: frozenset[str] | None,
    *,
    ordered_by: frozenset[str],
    is_own_order: bool,
) -> list[ColumnElement[bool]] | None:
    """What an index serves of a list that is read along it, checking the other filters
    row by row, which may take long where they are rarely true together. None: nothing
    is left to check, or few rows are."""
    others = [each for each in narrowings if each.name not in ordered_by]
    if leads is None:
        in_order = (each for each in others if each.is_in_order and is_own_order)
        led = list(itertools.islice(in_order, 1))
    else:
        led = [each for each in others if each.name in leads]
        if led and not (is_own_order and led[0].is_in_order):
            return None
    if len(led) == len(others):
        return None
    own = (each for each in narrowings if each.name in ordered_by)
    return [condition for each in (*own, *led) for condition in each.by_index]
