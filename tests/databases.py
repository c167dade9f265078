"""Databases for tests: a SQLite file, or a database on a throwaway PostgreSQL.

`pytest --database=postgresql` runs the same tests on PostgreSQL. Each test gets a copy
of an empty database that was made once: copying is quicker by far.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from app.config import ROOT
from app.storage import (  # noqa: F401 - made with the tables
    audit_trail,
    bulk_models,
    case_models,
    connection_models,
    desk_models,
    installation,
    people_models,
    search_index,
    strategy_models,
    tallies,
)
from app.storage.base import Base

SQLITE, POSTGRESQL = "sqlite", "postgresql"
# Set where nothing may be left out for want of a program.
REQUIRED = os.environ.get("REQUIRE_ALL_TESTS") == "1"
# Before version 15 the only way; where nothing is synced to a disk, the quicker one.
FILE_COPY = "STRATEGY file_copy"
_numbers = count(1)


# Room for what the tests of four processes hold at a time, and as much again.
ROOM = 2 * 1024**3


def keep_in_memory() -> None:
    """Temporary files from now on, where there is room for them in memory.

    Each commit waits for a disk, and that comes to a third of the tests' time.
    """
    memory = "/dev/shm"
    if "TMPDIR" in os.environ or not os.access(memory, os.W_OK):
        return
    if shutil.disk_usage(memory).free > ROOM:
        os.environ["TMPDIR"] = memory
        tempfile.tempdir = None  # looked up anew


class Server:
    """A PostgreSQL of our own, listening on a socket in a directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def create(self, template: str = "template1") -> str:
        """A new database, a copy of `template`; its name."""
        name = f"test_{next(_numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}", FILE_COPY)
        return name

    def drop(self, name: str) -> None:
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _execute(self, statement: str, since_15: str = "") -> None:
        with psycopg.connect(
            host=str(self.folder), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            more = since_15 if connection.info.server_version >= 150_000 else ""
            connection.execute(f"{statement} {more}".encode())


@contextmanager
def a_server() -> Iterator[Server]:
    """Start a PostgreSQL, end it and remove it; skips where there is none."""
    initdb = _program("initdb")
    folder = Path(tempfile.mkdtemp(prefix="metricsco-pg-"))
    as_user = _as_nobody_special(folder)
    data = folder / "data"
    try:
        _run(*as_user, initdb, "-A", "trust", "-U", "postgres", "-N", "-D", data)
        # It is thrown away: nothing in it has to survive a power loss.
        options = (
            f"-c listen_addresses='' -c unix_socket_directories={folder} "
            "-c fsync=off -c synchronous_commit=off -c full_page_writes=off "
            "-c max_connections=200 -c jit=off"
        )
        control = (*as_user, _program("pg_ctl"), "-D", str(data), "-w")
        _run(*control, "-o", options, "-l", folder / "log", "start")
        try:
            yield Server(folder)
        finally:
            _run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def missing(what: str) -> None:
    """Skip the test; fail it where everything has to be there."""
    if REQUIRED:
        pytest.fail(f"{what} is missing, and REQUIRE_ALL_TESTS is set")
    pytest.skip(f"{what} is missing")


def _program(name: str) -> str:
    newest_first = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))[::-1]
    found = shutil.which(name) or next(map(str, newest_first), None)
    if found is None:
        missing("PostgreSQL")
    assert found is not None
    return found


def _as_nobody_special(folder: Path) -> tuple[str, ...]:
    """PostgreSQL refuses to run as root: the words that run it as somebody else."""
    if os.geteuid() != 0:
        return ()
    names = {user.pw_name for user in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, user)
    entry = pwd.getpwnam(user)
    ids = (f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}")
    return ("setpriv", *ids, "--clear-groups")


def _run(*words: str | Path) -> None:
    # Its output goes to a file: a server that inherits a pipe keeps the reader waiting.
    with tempfile.TemporaryFile() as told:
        done = subprocess.run(words, stdout=told, stderr=told, cwd="/", check=False)
        told.seek(0)
        assert done.returncode == 0, told.read().decode(errors="replace")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL for this run of the tests."""
    with a_server() as server:
        yield server


@pytest.fixture(scope="session")
def template(postgres: Server) -> str:
    """The name of a PostgreSQL database with every table, and nothing in them."""
    name = postgres.create()
    make_tables(postgres.url(name))
    return name


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table, and nothing in them."""
    file: Path = tmp_path_factory.mktemp("empty") / "empty.db"
    make_tables(f"sqlite:///{file}")
    return file


def make_tables(url: str) -> None:
    """What migrating makes, in a tenth of the time; test_migrations holds it to it."""
    engine = create_engine(url)
    scripts = ScriptDirectory(str(ROOT / "migrations"))
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        MigrationContext.configure(connection).stamp(scripts, "head")
    engine.dispose()


Databases = Callable[[], str]


@pytest.fixture
def on_sqlite(empty_file: Path, tmp_path: Path) -> Databases:
    """Makes SQLite databases with every table; each call's URL is another one."""

    def made() -> str:
        file = tmp_path / f"test-{next(_numbers)}.db"
        shutil.copyfile(empty_file, file)
        return f"sqlite:///{file}"

    return made


@pytest.fixture
def on_postgresql(postgres: Server, template: str) -> Iterator[Databases]:
    """The same on PostgreSQL; dropped when the test is over."""
    names: list[str] = []

    def made() -> str:
        names.append(postgres.create(template))
        return postgres.url(names[-1])

    yield made
    for name in names:
        postgres.drop(name)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database with every table, of the kind that this run is for."""
    kind = request.config.getoption("--database")
    made: str = request.getfixturevalue(f"on_{kind}")()
    return made
