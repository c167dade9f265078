"""`python wsgi.py` as an operator meets it: a real process, real signals."""

import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copy

import pytest
from sqlalchemy import create_engine, text

from app import create_app, current
from app.config import Config
from app.storage.models import StripeAccount
from tests.conftest import FERNET_KEY
from tests.servers import ROOT, Senders, a_free_port, a_server, answers, end, flask
from tests.stripe_events import a_listening_account


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database as `flask db upgrade` leaves it."""
    file = tmp_path_factory.mktemp("migrated") / "empty.db"
    config = Config(f"sqlite:///{file}", "not-a-secret", (FERNET_KEY,))
    done = flask(config, "db", "upgrade")
    assert done.returncode == 0, done.stderr
    return file


@pytest.fixture
def config(config: Config, migrated: Path, tmp_path: Path) -> Config:
    copy(migrated, tmp_path / "test.db")
    return replace(config, port=a_free_port(), stripe_api_base="http://127.0.0.1:9")


@pytest.fixture
def account(config: Config) -> Iterator[StripeAccount]:
    app = create_app(config)
    with app.app_context():
        sealed = current.vault().encrypt("rk_test_never_used")
        yield a_listening_account(sealed_api_key=sealed)


def stored(config: Config, where: str = "1 = 1") -> set[str]:
    engine = create_engine(config.database_url)
    with engine.connect() as connection:
        rows = connection.scalars(
            text(f"SELECT stripe_event_id FROM stripe_event WHERE {where}")  # noqa: S608
        )
        found = set(rows)
    engine.dispose()
    return found


def address(account: StripeAccount) -> str:
    return f"/webhooks/stripe/{account.connection_key}"


def until(config: Config, *, handled: int, within: float) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        if len(stored(config, "status = 'handled'")) >= handled:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_that_was_answered_2xx_is_lost(
    config: Config, account: StripeAccount, number: signal.Signals
) -> None:
    with a_server(config) as process:
        assert answers(config)
        with Senders(config, address(account)) as senders:
            time.sleep(2)
            code, said = end(process, number)
    assert code == (0 if number == signal.SIGTERM else -number), said
    assert len(senders.answered) > 100
    assert set(senders.answered) <= stored(config)
    assert senders.refused == []


@pytest.mark.slow
def test_it_stops_at_once_although_browsers_keep_their_connections(
    config: Config,
) -> None:
    with a_server(config) as process:
        assert answers(config)
        with socket.create_connection((config.host, config.port)) as idle:
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert idle.recv(4096).startswith(b"HTTP/1.1 200")
            began = time.monotonic()
            code, said = end(process)
    assert code == 0, said
    assert time.monotonic() - began < 5
    assert "Traceback" not in said


@pytest.mark.slow
def test_an_event_is_handled_within_a_second_of_its_answer(
    config: Config, account: StripeAccount
) -> None:
    with a_server(config) as process:
        assert answers(config)
        with Senders(config, address(account), how_many=1) as senders:
            while not senders.answered:
                time.sleep(0.01)
        assert until(config, handled=len(senders.answered), within=1.0)
        end(process)


@pytest.mark.slow
def test_it_stays_small_under_load(config: Config, account: StripeAccount) -> None:
    with a_server(config) as process:
        assert answers(config)
        with Senders(config, address(account)):
            time.sleep(3)
        resident = resident_mb(process.pid)
        end(process)
    assert resident < 110  # 120 are promised, pages and retries included


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if "VmRSS" in line)
    return int(line.split()[1]) / 1000


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the heap is glibc's")
def test_memory_between_what_is_used_is_given_back() -> None:
    held = subprocess.run(
        [sys.executable, "-c", HOLES], cwd=ROOT, capture_output=True, text=True
    )
    before, after = (float(number) for number in held.stdout.split())
    assert after - before < 5, held.stderr


# A password is hashed; then 40 MB are taken, of which every hundredth kilobyte stays.
HOLES = """
import os
from app import heap
heap.keep_small()
from argon2 import PasswordHasher
from tests.test_server import resident_mb
PasswordHasher(memory_cost=19_456, time_cost=1, parallelism=1).hash("a password")
before = resident_mb(os.getpid())
taken = [bytes(1_000) for _ in range(40_000)]
kept = taken[::100]
del taken
heap.give_back()
print(before, resident_mb(os.getpid()))
"""


def test_serving_loads_nothing_that_few_need() -> None:
    # Numbers belong to one strategy; migrations to whoever runs them.
    names = "{'numpy', 'scipy', 'alembic', 'mako', 'pygments'} & set(sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", f"import sys, app, app.server; print({names})"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "set()\n"


def test_a_database_that_is_not_migrated_is_told_and_ends_the_start(
    config: Config, tmp_path: Path
) -> None:
    config = replace(config, database_url=f"sqlite:///{tmp_path / 'new.db'}")
    with a_server(config) as process:
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said == "The database is not up to date. Run: flask --app app db upgrade\n"


def test_a_port_that_is_taken_is_told_and_ends_the_start(config: Config) -> None:
    with socket.socket() as other:
        other.bind((config.host, config.port))
        other.listen()
        with a_server(config) as process:
            said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{config.port}" in said
    assert "Traceback" not in said


def test_one_tick_from_the_shell_ends_well(config: Config) -> None:
    done = flask(config, "tick")
    assert done.returncode == 0, done.stderr
