"""Which index a list is read by, where several could be: SQLite keeps no statistics of
ours, and would rather sort a million rows than walk past some; PostgreSQL believes that
filters have nothing to do with each other, and does the same.

Each narrowing of a list is spelled twice: so that an index may serve it, and so that it
is only checked on the rows that another one brings.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, select, true
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

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
    is_in_order: bool = False
    is_wider: bool = False

    @cached_property
    def aside(self) -> Sequence[ColumnElement[bool]]:
        """The same in a way that no index serves: both databases look for one where a
        column is compared, and not where a comparison is."""
        return [condition.is_(true()) for condition in self.by_index]

    @cached_property
    def counting(self) -> Select[int]:
        """How many rows there are for it, as far as that matters."""
        some: Select[*tuple[Any, ...]] = (
            select(literal_column("1")).where(*self.by_index).limit(FEW + 1)
        )
        return select(func.count()).select_from(some.subquery())


def aside(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """The column, in a way that no index serves: as what a function gives."""
    return func.coalesce(column, column, type_=column.type)


def equal(column: InstrumentedAttribute[Any], value: object) -> list[Narrowing]:
    """`column`, whose index goes on in the listing's order, has this value; None:
    whatever it has."""
    if value is None:
        return []
    return [Narrowing(column.key, [column == value], is_in_order=True)]


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
    """The names that may use an index: what the rows are `ordered_by`, and one whose
    index goes on in that order. Where a filter leaves few rows, that one alone: then
    they are read, and sorted."""
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
    if fewest is None or counts[fewest] > FEW:
        return unasked
    if is_own_order and any(each.is_in_order for each in others if each.name == fewest):
        return ordered_by | {fewest}
    return frozenset({fewest})


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
    leads: frozenset[str],
    *,
    ordered_by: frozenset[str],
) -> list[ColumnElement[bool]] | None:
    """What an index serves of a list that is read along it, checking the other filters
    row by row, which may take long where they are rarely true together. None: nothing
    is left to check, or few rows are."""
    if not ordered_by <= leads:
        return None
    if all(each.name in leads for each in narrowings):
        return None
    led = (each for each in narrowings if each.name in leads)
    return [condition for each in led for condition in each.by_index]
