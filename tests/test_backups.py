"""`flask backup` and `flask restore`, as an operator runs them, on both databases."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app import create_app, current
from app.config import Config
from app.domain.people import Role
from app.extensions import db
from app.storage.installation import Installation
from app.storage.models import Recovery, StripeAccount, User
from app.storage.transaction import reading
from tests import builders
from tests.conftest import a_user
from tests.databases import Server
from tests.servers import Senders, a_free_port, a_server, answers, flask
from tests.stripe_events import a_listening_account


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, port=a_free_port(), stripe_api_base="http://127.0.0.1:9")


@pytest.fixture
def another(config: Config, request: pytest.FixtureRequest, tmp_path: Path) -> Config:
    """The same on a database in which there is nothing at all."""
    if config.is_sqlite:
        return replace(config, database_url=f"sqlite:///{tmp_path / 'another.db'}")
    server: Server = request.getfixturevalue("postgres")
    return replace(config, database_url=server.url(server.create()))


@contextmanager
def inside(config: Config) -> Iterator[None]:
    """An application of its own on the database, for this block."""
    with create_app(config).app_context():
        yield
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def worked_with(config: Config) -> Config:
    """A database with an account and declined renewals in it."""
    with inside(config):
        a_user(Role.OWNER)
        account = a_listening_account(
            sealed_api_key=current.vault().encrypt("rk_test_never_used")
        )
        for _ in range(5):
            builders.a_recovery(account_id=account.id)
    return config


@dataclass
class Said:
    returncode: int
    stdout: str
    stderr: str


def command(config: Config, *words: str) -> Said:
    """`flask --app app ...` in this process: the same code, begun quicker."""
    app = create_app(config)
    found = app.test_cli_runner().invoke(args=words)
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()
    return Said(found.exit_code, found.stdout, found.stderr)


def rows(config: Config) -> dict[str, int]:
    with inside(config), reading() as session:
        return {
            model.__tablename__: session.scalar(select(func.count()).select_from(model))
            or 0
            for model in (User, StripeAccount, Recovery)
        }


def test_what_is_restored_is_what_was_backed_up(
    worked_with: Config, another: Config, tmp_path: Path
) -> None:
    file = tmp_path / "kept"
    made = command(worked_with, "backup", str(file))
    assert made.returncode == 0, made.stderr
    assert file.stat().st_mode & 0o077 == 0, "only its owner may read it"

    put_back = command(another, "restore", str(file))
    assert put_back.returncode == 0, put_back.stderr + put_back.stdout
    assert "The switch is off" in put_back.stdout
    assert (
        rows(another)
        == rows(worked_with)
        == {
            "user": 1,
            "stripe_account": 1,
            "recovery": 5,
        }
    )


def test_after_restoring_nothing_is_charged_before_stripe_was_asked(
    worked_with: Config, another: Config, tmp_path: Path
) -> None:
    file = tmp_path / "kept"
    command(worked_with, "backup", str(file))
    command(another, "restore", str(file), "--keep-switches")
    with inside(another), reading() as session:
        account = session.scalars(select(StripeAccount)).one()
        home = session.scalars(select(Installation)).one()
    assert account.is_on
    assert account.restored_at == home.restored_at is not None


def test_restoring_over_something_needs_to_be_said(
    worked_with: Config, tmp_path: Path
) -> None:
    file = tmp_path / "kept"
    command(worked_with, "backup", str(file))
    done = command(worked_with, "restore", str(file))
    assert done.returncode == 1
    assert "There is something in this database" in done.stderr


def test_a_damaged_backup_changes_nothing(
    worked_with: Config, another: Config, tmp_path: Path
) -> None:
    file = tmp_path / "kept"
    command(worked_with, "backup", str(file))
    whole = bytearray(file.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    file.write_bytes(whole)
    done = command(another, "restore", str(file))
    assert done.returncode == 1
    assert "its checksum differs" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.sqlite
def test_a_damaged_backup_without_its_description_is_refused_too(
    worked_with: Config, another: Config, tmp_path: Path
) -> None:
    file = tmp_path / "kept"
    command(worked_with, "backup", str(file))
    (tmp_path / "kept.json").unlink()
    file.write_bytes(file.read_bytes()[:20_000])
    done = command(another, "restore", str(file))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.sqlite
def test_something_else_is_not_taken_for_a_backup(
    worked_with: Config, tmp_path: Path
) -> None:
    for name, content in (("text", b"no database"), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        done = command(worked_with, "restore", str(tmp_path / name), "--replace")
        assert done.returncode == 1, name
        assert "is no database of Metricsco" in done.stderr
    assert rows(worked_with)["recovery"] == 5


@pytest.mark.sqlite
def test_what_is_replaced_is_kept(worked_with: Config, tmp_path: Path) -> None:
    file = tmp_path / "kept"
    command(worked_with, "backup", str(file))
    with inside(worked_with):
        builders.a_recovery(account_id=builders.the_account().id)
    assert rows(worked_with)["recovery"] == 6

    done = command(worked_with, "restore", str(file), "--replace")

    assert done.returncode == 0, done.stderr
    assert rows(worked_with)["recovery"] == 5
    before = next(tmp_path.glob("*.before-1"))
    with sqlite3.connect(before) as old:
        assert old.execute("SELECT count(*) FROM recovery").fetchone() == (6,)
    old.close()


def test_a_folder_keeps_as_many_as_asked(worked_with: Config, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    ending = "db" if worked_with.is_sqlite else "dump"
    for day in range(3):
        old = folder / f"metricsco-2026010{day}-030000.{ending}"
        old.touch()
        old.with_name(f"{old.name}.json").touch()
    (folder / "mine.db").touch()
    done = command(worked_with, "backup", str(folder), "--keep", "2")
    assert done.returncode == 0, done.stderr
    left = sorted(p.name for p in folder.iterdir() if not p.name.endswith(".json"))
    assert len(left) == 3
    assert left[0] == "metricsco-20260102-030000." + ending
    assert "mine.db" in left


def test_a_folder_is_made_for_the_first_of_many(
    worked_with: Config, tmp_path: Path
) -> None:
    """Cron names it before it is there; a file of its name would stop the next run."""
    folder = tmp_path / "backups"
    done = command(worked_with, "backup", str(folder), "--keep", "2")
    assert done.returncode == 0, done.stderr
    assert [p.name.split("-")[0] for p in folder.glob("*[!n]")] == ["metricsco"]
    assert folder.stat().st_mode & 0o777 == 0o700
    (tmp_path / "taken").touch()
    done = command(worked_with, "backup", str(tmp_path / "taken"), "--keep", "2")
    assert done.returncode == 1
    assert "taken is no folder and cannot be made one: File exists." in done.stderr


def test_nothing_is_written_over(worked_with: Config, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    done = command(worked_with, "backup", str(tmp_path / "kept"))
    assert done.returncode == 1
    assert (tmp_path / "kept").read_text() == "mine"
    done = command(worked_with, "backup", str(tmp_path / "nowhere" / "kept"))
    assert done.returncode == 1
    assert "cannot be written: No such file or directory" in done.stderr


@pytest.mark.slow
def test_a_backup_of_a_busy_server_holds_all_that_was_answered_before(
    worked_with: Config, another: Config, tmp_path: Path
) -> None:
    with inside(worked_with), reading() as session:
        account = session.scalars(select(StripeAccount)).one()
    file = tmp_path / "kept"
    with a_server(worked_with):
        assert answers(worked_with)
        address = f"/webhooks/stripe/{account.connection_key}"
        with Senders(worked_with, address) as senders:
            while len(senders.answered) < 50:
                time.sleep(0.01)
            answered = len(senders.answered)
            done = flask(worked_with, "backup", str(file))
            meanwhile = len(senders.answered)
    assert done.returncode == 0, done.stderr
    assert senders.refused == []
    assert meanwhile > answered, "it served all the time"
    told = json.loads((tmp_path / "kept.json").read_text())
    assert told["rows"]["stripe_event"] >= answered
    restored = flask(another, "restore", str(file))
    assert restored.returncode == 0, restored.stderr


@pytest.mark.sqlite
@pytest.mark.slow
def test_restoring_under_a_running_server_is_a_change_like_any_other(
    worked_with: Config, tmp_path: Path
) -> None:
    file = tmp_path / "kept"
    flask(worked_with, "backup", str(file))
    with a_server(worked_with) as process:
        assert answers(worked_with)
        done = flask(worked_with, "restore", str(file), "--replace")
        assert done.returncode == 0, done.stderr
        assert answers(worked_with)
        process.terminate()
        said, _ = process.communicate(timeout=40)
    assert "malformed" not in said
    assert rows(worked_with)["recovery"] == 5
