"""Writing planned attempts: the one that follows a refusal, or many together."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from app.storage.models import RetryAttempt

COLUMNS = (
    "account_id",
    "recovery_id",
    "number",
    "status",
    "due_at",
    "planned_at",
    "idempotency_key",
    "asked",
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


def put_down(session: Session, planned: Sequence[Mapping[str, Any]]) -> None:
    """Write planned attempts, each by its `COLUMNS`.

    IntegrityError where a recovery has a live attempt already, or a key is known.
    """
    # In the order in which they are due: two of the indexes are then only appended to,
    # the others stay within the pages that these recoveries share.
    in_order = sorted(planned, key=lambda row: row["due_at"])
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        connection.execute(_INSERT, [dict(row) for row in in_order])
        return
    # By the driver itself: SQLAlchemy takes as long to bind the values of a row as
    # SQLite to write it.
    connection.exec_driver_sql(
        _BY_DRIVER,
        [
            tuple(
                convert(row[name]) if convert else row[name]
                for name, convert in _CONVERTED
            )
            for row in in_order
        ],
    )


_TABLE = RetryAttempt.__table__
_INSERT = insert(RetryAttempt)
_BY_DRIVER = (
    f"INSERT INTO {_TABLE} ({', '.join(COLUMNS)}) "  # noqa: S608
    f"VALUES ({', '.join('?' for _ in COLUMNS)})"
)
_SQLITE = sqlite.dialect()
# Each column, and what makes of its values what the driver takes.
_CONVERTED = [
    (name, _TABLE.c[name].type.dialect_impl(_SQLITE).bind_processor(_SQLITE))
    for name in COLUMNS
]
