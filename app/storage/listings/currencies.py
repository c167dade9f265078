"""Which currencies there are."""

from functools import cache
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute


def currencies(session: Session, column: InstrumentedAttribute[Any]) -> list[str]:
    """The different values of `column`, which an index begins with, in order.

    From each to the next larger one: as many steps as there are currencies, where
    DISTINCT would read the whole index.
    """
    return list(session.connection().scalars(_values(column)))


@cache
def _values(column: InstrumentedAttribute[Any]) -> Select[str]:
    found = select(func.min(column).label("value")).cte("found", recursive=True)
    larger = select(func.min(column)).where(column > found.c.value).scalar_subquery()
    found = found.union_all(select(larger).where(found.c.value.is_not(None)))
    return select(found.c.value).where(found.c.value.is_not(None))
