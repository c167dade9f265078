"""Backups while the panel serves, verified; services/restoring puts them back.

A backup is one file, with a second one beside it (`.json`) that says what is in it:
when it was made, its checksum, and the rows of every table. It holds everything but
the encryption keys, and leaves out the row by which a database knows that it is at
home: what is put back charges nobody before Stripe was asked (services/restored.py).
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, func, inspect, select, table, text

from app import current
from app.config import environment
from app.extensions import db
from app.storage import postgresql_copies, sqlite_copies
from app.storage.base import Base
from app.storage.installation import Installation
from app.storage.sqlite_copies import CopyFault

NAME = "metricsco-"  # of files that we name ourselves, and may remove again
LEAVE_OUT = "DELETE FROM installation"


@dataclass(frozen=True, slots=True)
class Contents:
    """What the file beside a backup says of it."""

    made_at: str  # ISO 8601
    database: str  # sqlite or postgresql
    revision: str  # of the migrations
    sha256: str
    bytes: int
    rows: dict[str, int]

    @property
    def total(self) -> int:
        """Rows in all tables."""
        return sum(self.rows.values())


def make(to: Path, *, now: datetime) -> Contents:
    """Back the database up into a new file, and check it; CopyFault says why not."""
    if to.exists():
        raise CopyFault(f"{to} exists already.")
    part = to.with_name(f"{to.name}.part")
    part.unlink(missing_ok=True)
    try:
        rows = _copy_out(part)
        found = Contents(
            made_at=now.isoformat(),
            database=kind(),
            revision=_revision(),
            sha256=checksum(part),
            bytes=part.stat().st_size,
            rows=rows,
        )
        _beside(to).write_text(json.dumps(asdict(found), indent=1) + "\n")
        part.rename(to)
        _settle(to, _beside(to), to.parent)
    except OSError as fault:
        raise CopyFault(f"{to} cannot be written: {fault.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
    return found


def name(*, now: datetime) -> str:
    """What a backup in a folder is called."""
    ending = "db" if current.config().is_sqlite else "dump"
    return f"{NAME}{now:%Y%m%d-%H%M%S}.{ending}"


def thin_out(folder: Path, *, keep: int) -> list[Path]:
    """Remove our own older backups of the folder, all but the newest; which."""
    ours = [f for ending in ("db", "dump") for f in folder.glob(f"{NAME}*.{ending}")]
    old = sorted(ours, key=lambda file: file.stem)[: max(0, len(ours) - keep)]
    for file in old:
        file.unlink()
        _beside(file).unlink(missing_ok=True)
    return old


def contents(of: Path) -> Contents | None:
    """What the file beside the backup says; None where there is none."""
    try:
        return Contents(**json.loads(_beside(of).read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        raise CopyFault(f"{_beside(of)} cannot be read.") from None


def _copy_out(part: Path) -> dict[str, int]:
    """Copy the database into `part` and check it; the rows of each table."""
    if current.config().is_sqlite:
        sqlite_copies.copy_out(file(), part)
        sqlite_copies.change(part, LEAVE_OUT)
        refuse_unsound(part)
        return sqlite_copies.counts(part, tables())
    environ = environment()
    with postgresql_copies.snapshot(db.engine) as (connection, snapshot):
        part.touch(mode=0o600)
        postgresql_copies.copy_out(
            db.engine.url, part, snapshot=snapshot, environ=environ
        )
        rows = count(connection)
    postgresql_copies.check(part, environ=environ)
    return rows


def refuse_unsound(copy: Path) -> None:
    wrong = sqlite_copies.faults(copy)
    if wrong:
        raise CopyFault(f"{copy} is damaged: {'; '.join(wrong)}.")


def count(connection: Connection) -> dict[str, int]:
    there = set(inspect(connection).get_table_names())
    return {
        name: connection.scalar(select(func.count()).select_from(table(name))) or 0
        for name in tables()
        if name in there
    }


def tables() -> list[str]:
    left_out = Installation.__tablename__
    return [t.name for t in Base.metadata.sorted_tables if t.name != left_out]


def _revision() -> str:
    with db.engine.connect() as connection:
        found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return str(found)


def kind() -> str:
    return "sqlite" if current.config().is_sqlite else "postgresql"


def file() -> Path:
    return Path(str(db.engines["writer"].url.database))


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def checksum(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _settle(*paths: Path) -> None:
    """Have what was written on the disk before anybody relies on it."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
