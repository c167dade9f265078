"""Whole copies of a SQLite database, made and put back while others use it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Of another process that writes; a backup and a busy server are never this slow.
BUSY_SECONDS = 60.0


class CopyFault(Exception):
    """The copy cannot be made or used; the text says why."""


def copy_out(database: Path, to: Path) -> None:
    """A consistent copy of a database that others may be writing, as one file.

    One step copies everything out of one read transaction: writers are not held up,
    and a copy made in many steps would begin anew with every write.
    """
    with _opened(database, mode="ro") as source, _made(to) as target:
        source.backup(target)
        # One file without a log beside it.
        target.execute("PRAGMA journal_mode=DELETE")


def put_in(copy: Path, database: Path) -> None:
    """Replace all that is in `database` by `copy`, in one transaction of its own: who
    reads meanwhile sees the old state, and afterwards the new one."""
    with _opened(copy, mode="ro") as source, _opened(database, mode="rwc") as target:
        source.backup(target)


def change(copy: Path, *statements: str) -> None:
    """Run statements in a copy that nobody uses yet."""
    with _opened(copy, mode="rw") as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def faults(copy: Path) -> list[str]:
    """What SQLite finds wrong in the file; empty for a sound one."""
    with _opened(copy, mode="ro") as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
        broken = connection.execute("PRAGMA foreign_key_check").fetchmany(5)
    wrong = [] if found == ["ok"] else found
    return wrong + [f"a row of {row[0]} points to none in {row[2]}" for row in broken]


def counts(copy: Path, tables: list[str]) -> dict[str, int]:
    """Rows in each of the tables that are there."""
    with _opened(copy, mode="ro") as connection:
        there = {
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            )
        }
        return {
            table: connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]  # noqa: S608 - our own names
            for table in tables
            if table in there
        }


def revision(copy: Path) -> str | None:
    """The migration it stands at; None for a file that is not ours."""
    try:
        with _opened(copy, mode="ro") as connection:
            row = connection.execute("SELECT version_num FROM alembic_version")
            return str(row.fetchone()[0])
    except (sqlite3.Error, TypeError, CopyFault):
        return None


@contextmanager
def _opened(file: Path, *, mode: str) -> Iterator[sqlite3.Connection]:
    try:
        connection = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS
        )
    except sqlite3.Error as fault:
        raise CopyFault(f"{file} cannot be opened: {fault}") from None
    try:
        yield connection
    except sqlite3.Error as fault:
        raise CopyFault(f"{file}: {fault}") from None
    finally:
        connection.close()


@contextmanager
def _made(file: Path) -> Iterator[sqlite3.Connection]:
    """A new file that only its owner may read: it holds the merchant's customers."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with _opened(file, mode="rw") as connection:
        yield connection
