"""All rows of all tables, from SQLite to PostgreSQL, and proof that they arrived."""

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, Connection, Table, func, select, text

from app.storage.base import Base

CHUNK = 5_000  # rows read at once


class Unequal(Exception):
    """A table's copy is not what was copied."""


def tables() -> list[Table]:
    """Every table, those that others point to first."""
    return list(Base.metadata.sorted_tables)


def copy_all(source: Connection, target: Connection) -> dict[str, int]:
    """Fill the target's empty tables; how many rows each got.

    Both connections are in a transaction, which the caller ends. Triggers rest
    meanwhile: what they keep is copied like everything else.
    """
    copied = {}
    for table in tables():
        name = _quoted(target, table)
        target.execute(text(f"ALTER TABLE {name} DISABLE TRIGGER USER"))
        target.execute(text(f"DELETE FROM {name}"))  # noqa: S608 - our own name
        copied[table.name] = _copy(source, target, table)
        target.execute(text(f"ALTER TABLE {name} ENABLE TRIGGER USER"))
        _go_on_counting(target, table)
    return copied


def compare_all(source: Connection, target: Connection) -> None:
    """Read both again, whole; Unequal where a table differs."""
    for table in tables():
        here, there = _checksum(source, table), _checksum(target, table)
        if here != there:
            raise Unequal(f"{table.name} differs: {here[0]} rows, {there[0]} copied")


def _copy(source: Connection, target: Connection, table: Table) -> int:
    columns = [column.name for column in table.columns]
    flags = [isinstance(column.type, Boolean) for column in table.columns]
    names = ", ".join(f'"{column}"' for column in columns)
    rows = source.exec_driver_sql(f'SELECT {names} FROM "{table.name}"')  # noqa: S608
    driver: Any = target.connection.driver_connection
    copied = 0
    with (
        driver.cursor() as cursor,
        cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as stream,
    ):
        for chunk in iter(lambda: rows.fetchmany(CHUNK), []):
            for row in chunk:
                stream.write_row(_as_there(row, flags))
            copied += len(chunk)
    return copied


def _as_there(row: Sequence[Any], flags: list[bool]) -> list[Any]:
    """SQLite keeps yes and no as numbers; all else both write alike."""
    return [
        bool(value) if is_flag and value is not None else value
        for value, is_flag in zip(row, flags, strict=True)
    ]


def _go_on_counting(target: Connection, table: Table) -> None:
    """New rows get ids after those that were copied."""
    key = list(table.primary_key.columns)
    if len(key) != 1:
        return
    quoted = _quoted(target, table)
    sequence = target.scalar(
        text("SELECT pg_get_serial_sequence(:name, :key)"),
        {"name": quoted, "key": key[0].name},
    )
    last = target.scalar(select(func.max(key[0]))) if sequence else None
    if last:
        target.execute(
            text("SELECT setval(:sequence, :last)"),
            {"sequence": sequence, "last": last},
        )


def _checksum(connection: Connection, table: Table) -> tuple[int, str]:
    """Rows, and a sum over their values that does not depend on their order."""
    count, total = 0, 0
    every = select(table).execution_options(yield_per=CHUNK)
    for row in connection.execute(every):
        digest = hashlib.blake2b(repr(tuple(row)).encode(), digest_size=16).digest()
        total = (total + int.from_bytes(digest)) % (1 << 128)
        count += 1
    return count, f"{total:032x}"


def _quoted(connection: Connection, table: Table) -> str:
    return connection.dialect.identifier_preparer.format_table(table)
