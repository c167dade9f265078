"""Conditions spelled out in the statement, exactly as in the partial index that serves
them: of a parameter no database can know that it will be the index's word."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, literal
from sqlalchemy.orm import InstrumentedAttribute


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
