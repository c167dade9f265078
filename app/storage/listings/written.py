"""Columns as files hold them. The database writes the times: in Python each would be
read into an object first, only to be spelled out again."""

from typing import Any

from sqlalchemy import ColumnElement, String, func, type_coerce

from app.storage.base import UTCDateTime, Word


def written(column: ColumnElement[Any], *, dialect: str) -> ColumnElement[Any]:
    """Times as `2026-11-23T09:00:00Z`, words as text; all else as it is."""
    if isinstance(column.type, UTCDateTime):
        return _time(column, dialect)
    return type_coerce(column, String) if isinstance(column.type, Word) else column


def _time(column: ColumnElement[Any], dialect: str) -> ColumnElement[str]:
    if dialect == "sqlite":  # kept as `2026-11-23 09:00:00.000000`
        day, clock = func.substr(column, 1, 10), func.substr(column, 12, 8)
        return type_coerce(day, String) + "T" + type_coerce(clock, String) + "Z"
    return func.to_char(column, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
