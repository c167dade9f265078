"""`flask db-copy`: everything arrives on PostgreSQL, exactly, and only once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from app import create_app
from app.config import Config
from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.extensions import db
from app.services import decisions, restored
from app.services.planning import plan
from app.storage import decision_reads, table_copies
from app.storage.figures import cells
from app.storage.installation import Installation
from app.storage.models import Recovery, RetryAttempt, StripeAccount
from app.storage.transaction import reading, transaction
from tests import builders
from tests.conftest import MONDAY, a_user
from tests.databases import Server
from tests.servers import a_free_port, a_server, answers, end, flask
from tests.stripe_events import a_kept_event

pytestmark = [pytest.mark.postgres, pytest.mark.sqlite]


@contextmanager
def inside(config: Config) -> Iterator[None]:
    with create_app(config).app_context():
        yield
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def config(config: Config) -> Config:
    """A SQLite database with some of everything in it."""
    with inside(config):
        a_user()
        account = builders.a_account(hold_until=MONDAY + timedelta(hours=1))
        for n in range(7):
            recovery = builders.a_recovery(
                account_id=account.id, started_at=MONDAY - timedelta(days=30 * n)
            )
            attempt = builders.an_attempt(
                recovery_id=recovery.id, status=AttemptStatus.DECLINED, probability=0.1
            )
            builders.a_decline(recovery_id=recovery.id, attempt_id=attempt.id)
        open_id = _open_one(account.id)
        with transaction() as session:
            plan(session, session.get_one(Recovery, open_id), now=MONDAY)
        a_kept_event(account.id, object={"description": 'a "quoted"\n\\ ✓'})
        restored.beat(now=MONDAY)
    return replace(config, port=a_free_port())


def _open_one(account_id: int) -> int:
    recovery = builders.a_recovery(account_id=account_id)
    builders.a_decline(recovery_id=recovery.id, account_id=account_id)
    return recovery.id


@pytest.fixture
def there(config: Config, postgres: Server) -> Iterator[Config]:
    """The same settings, with an empty database on a PostgreSQL."""
    name = postgres.create()
    yield replace(config, database_url=postgres.url(name))
    postgres.drop(name)


def copied(config: Config, there: Config, *words: str) -> tuple[int, str]:
    app = create_app(config)
    found = app.test_cli_runner().invoke(
        args=["db-copy", "--to", there.database_url, *words]
    )
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()
    return found.exit_code, found.output


def test_decisions_are_computed_again_there(config: Config, there: Config) -> None:
    code, told = copied(config, there)
    assert code == 0, told
    with inside(there), reading() as session:
        (row,) = decision_reads.newest(session, limit=9)
        assert decisions.again(session, row).is_same


def test_everything_arrives_and_goes_on_from_there(
    config: Config, there: Config
) -> None:
    with inside(config), reading() as session:
        tallied = sorted(map(str, cells(session, accounts=None)))
    code, said = copied(config, there, "--move")
    assert code == 0, said
    with inside(there):
        with reading() as session:
            assert sorted(map(str, cells(session, accounts=None))) == tallied
            account = session.scalars(select(StripeAccount)).one()
            assert account.is_on
            assert account.restored_at is None
            newest = session.scalar(select(func.max(Recovery.id))) or 0
            assert session.scalar(text("SELECT payload FROM stripe_event"))
        assert builders.a_recovery(account_id=account.id).id == newest + 1
        with transaction() as session:
            session.get_one(Recovery, newest).status = RecoveryStatus.RECOVERED
        with reading() as session:
            again = cells(session, accounts=None)
        assert sum(cell.count for cell in again) == 9, "triggers work again"
        assert not restored.beat(now=MONDAY)


def test_what_was_moved_serves_and_charges_no_more(
    config: Config, there: Config
) -> None:
    assert copied(config, there, "--move")[0] == 0
    with a_server(config) as process:
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said == "This database was moved: set DATABASE_URL to the new one.\n"


def test_a_rehearsal_changes_nothing_here_and_charges_nobody_there(
    config: Config, there: Config
) -> None:
    with inside(config):  # as a server that has it open
        with reading() as session:
            session.scalar(select(Installation.beat))
        code, said = copied_beside(config, there)
        assert code == 0, said
        assert "A rehearsal" in said
        with reading() as session:
            assert session.scalar(select(Installation.moved_at)) is None
    with inside(there), reading() as session:
        assert session.scalar(select(Installation.id)) is None
        assert not session.scalars(select(StripeAccount.is_on)).one()


def copied_beside(config: Config, there: Config) -> tuple[int, str]:
    done = flask(config, "db-copy", "--to", there.database_url)
    return done.returncode, done.stdout + done.stderr


def test_it_is_not_moved_while_somebody_has_it_open(
    config: Config, there: Config
) -> None:
    with a_server(replace(config, stripe_api_base="http://127.0.0.1:9")) as process:
        assert answers(config)
        code, said = copied(config, there, "--move")
        end(process)
    assert code == 1
    assert "stop the server first" in said
    with inside(there), reading() as session:
        assert session.scalar(select(func.count()).select_from(RetryAttempt)) == 0
    assert copied(config, there, "--move")[0] == 0, "and then it can be"


def test_a_database_with_something_in_it_is_refused(
    config: Config, there: Config
) -> None:
    assert copied(config, there)[0] == 0
    code, said = copied(config, there)
    assert code == 1
    assert "There is something in that database already." in said


def test_a_copy_that_differs_is_taken_back(
    config: Config, there: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = table_copies._copy

    def forgetful(source, target, table):  # type: ignore[no-untyped-def]
        rows = copy(source, target, table)
        if table.name == "decline":
            target.execute(text("DELETE FROM decline WHERE id = 3"))
        return rows

    monkeypatch.setattr(table_copies, "_copy", forgetful)
    code, said = copied(config, there, "--move")
    assert code == 1
    assert "Nothing was copied: decline differs: 8 rows, 7 copied." in said
    monkeypatch.undo()
    assert copied(config, there, "--move")[0] == 0


@pytest.mark.parametrize(
    "to", ["sqlite:///x.db", "postgresql+psycopg://nobody@127.0.0.1:1/x"]
)
def test_what_cannot_be_reached_is_told_plainly(
    config: Config, there: Config, to: str, tmp_path: Path
) -> None:
    code, said = copied(config, replace(there, database_url=to))
    assert code == 1
    assert said.startswith("Error: ")
    assert "Traceback" not in said
