"""Whole copies of a PostgreSQL database, by PostgreSQL's own programs."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, text

from app.storage.sqlite_copies import CopyFault


def copy_out(url: URL, to: Path, *, snapshot: str, environ: dict[str, str]) -> None:
    """A dump of what the snapshot shows, without the row that says it is at home."""
    _run(
        "pg_dump",
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        "--exclude-table-data=installation",
        f"--snapshot={snapshot}",
        f"--file={to}",
        f"--dbname={_address(url)}",
        environ=_with_password(url, environ),
    )


def put_in(copy: Path, url: URL, *, environ: dict[str, str]) -> None:
    """Fill an empty database from a dump: all of it or nothing."""
    _run(
        "pg_restore",
        "--single-transaction",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        f"--dbname={_address(url)}",
        str(copy),
        environ=_with_password(url, environ),
    )


def check(copy: Path, *, environ: dict[str, str]) -> None:
    """Read a dump to its end; CopyFault when it cannot be read."""
    _run("pg_restore", "--file=/dev/null", str(copy), environ=environ)


@contextmanager
def snapshot(engine: Engine) -> Iterator[tuple[Connection, str]]:
    """A state of the database that stays while the block lasts, and its name."""
    # Those who read have no transactions of their own accord; a snapshot ends with its.
    one_state = engine.execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    with one_state.connect() as connection:
        yield connection, connection.scalar(text("SELECT pg_export_snapshot()")) or ""


def _run(program: str, *words: str, environ: dict[str, str]) -> None:
    found = _program(program)
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own program, no shell
        [found, *words], env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise CopyFault(f"{program} failed: {done.stderr.strip()}")


def _program(name: str) -> str:
    # Debian keeps the programs of every version of the server here.
    newest_first = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))[::-1]
    found = shutil.which(name) or next(map(str, newest_first), None)
    if found is None:
        raise CopyFault(f"{name} is not installed; it comes with postgresql-client.")
    return found


def _address(url: URL) -> str:
    """What the programs are called with; the password never stands in a command line,
    which every user of the machine can read."""
    return URL.create(
        "postgresql",
        username=url.username,
        host=url.host,
        port=url.port,
        database=url.database,
        query=url.query,
    ).render_as_string()


def _with_password(url: URL, environ: dict[str, str]) -> dict[str, str]:
    return environ | ({"PGPASSWORD": url.password} if url.password else {})
