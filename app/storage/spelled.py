"""Conditions spelled out in the statement, exactly as in the partial index that serves
them: of a parameter no database can know that it will be the index's word."""

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, literal
from sqlalchemy.orm import InstrumentedAttribute

Id = TypeVar("Id")


def is_word(column: InstrumentedAttribute[Any], word: StrEnum) -> ColumnElement[bool]:
    """`column = 'word'`."""
    return column == literal(word, column.type, literal_execute=True)


def is_one_of(
    column: InstrumentedAttribute[Any], words: Iterable[StrEnum]
) -> ColumnElement[bool]:
    """`column IN ('word', ...)`, in this order."""
    return column.in_(
        [literal(word, column.type, literal_execute=True) for word in words]
    )


def padded(ids: Collection[Id], nothing: Id) -> list[Id]:
    """`ids` in a list of one of a few lengths, filled up with what matches nothing.

    Each length is a statement of its own, which SQLite's driver keeps prepared, a
    hundred of them: 15 MB for lists of up to 500.
    """
    size = 8
    while size < len(ids):
        size *= 4
    return [*ids, *[nothing] * (size - len(ids))]
