"""Writing planned attempts: the one that follows a refusal, or many together."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from json import JSONEncoder
from typing import Any

from sqlalchemy import JSON, Connection, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from app.domain.recovery import AttemptStatus
from app.storage.models import RetryAttempt

# What differs from one planned attempt to the next.
COLUMNS = (
    "account_id",
    "recovery_id",
    "number",
    "due_at",
    "idempotency_key",
    "strategy",
    "strategy_version",
    "reason",
    "rules",
    "alternatives",
    "evidence",
    "probability",
    "propensity",
    "requested_by_id",
)
# Rows a statement: with more it gets no faster.
TOGETHER = 50


def put_down(
    session: Session, planned: Sequence[Mapping[str, Any]], *, now: datetime
) -> None:
    """Write attempts that are planned now, each by its `COLUMNS`.

    IntegrityError where a recovery has a live attempt already, or a key is known.
    """
    # In the order in which they are due: two of the indexes are then only appended to,
    # the others stay within the pages that these recoveries share.
    in_order = sorted(planned, key=lambda row: row["due_at"])
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        _by_driver(connection, in_order, now=now)
        return
    common = {"status": AttemptStatus.SCHEDULED, "asked": 0, "planned_at": now}
    connection.execute(_INSERT, [{**row, **common} for row in in_order])


def _by_driver(
    connection: Connection, planned: Sequence[Mapping[str, Any]], *, now: datetime
) -> None:
    """Without SQLAlchemy, which takes as long to bind the values of a row as SQLite to
    write it; column by column and many rows a statement, which takes a third less."""
    columns = [[row[name] for row in planned] for name in COLUMNS]
    given = (
        map(convert, column) if convert else column
        for convert, column in zip(_CONVERTS, columns, strict=True)
    )
    rows = list(zip(*given, strict=True))
    begins = (_driver_value("planned_at")(now),)
    whole = len(rows) - len(rows) % TOGETHER
    for each, some in ((TOGETHER, rows[:whole]), (1, rows[whole:])):
        values = [
            (*begins, *chain.from_iterable(some[start : start + each]))
            for start in range(0, len(some), each)
        ]
        if values:
            connection.exec_driver_sql(_statement(each), values)


def _statement(rows: int) -> str:
    row = f"(?1, '{AttemptStatus.SCHEDULED}', 0{', ?' * len(COLUMNS)})"
    return (
        f"INSERT INTO {_TABLE} (planned_at, status, asked, {', '.join(COLUMNS)}) "  # noqa: S608
        f"VALUES {', '.join([row] * rows)}"
    )


def _driver_value(name: str) -> Any:
    """What makes of a column's value what the driver takes; None: nothing has to."""
    kind = _TABLE.c[name].type
    if isinstance(kind, JSON):
        return _as_json
    return kind.dialect_impl(_SQLITE).bind_processor(_SQLITE)


_TABLE = RetryAttempt.__table__
_INSERT = insert(RetryAttempt)
_SQLITE = sqlite.dialect()
_as_json = JSONEncoder().encode  # as SQLAlchemy does, for a third less
_CONVERTS = [_driver_value(name) for name in COLUMNS]
