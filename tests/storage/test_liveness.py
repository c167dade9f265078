"""A kept connection whose server went away is replaced before anybody is given it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text

from app.storage import engines, liveness
from tests.databases import Server

pytestmark = pytest.mark.postgres


@pytest.fixture
def engine(postgres: Server) -> Iterator[Engine]:
    """One connection that pages read with."""
    url = postgres.url("postgres")
    engine = create_engine(
        url, **(engines.reader_options(url) | {"pool_size": 1, "max_overflow": 0})
    )
    engines.prepare(engine, may_write=False)
    yield engine
    engine.dispose()


def _whose(engine: Engine) -> int:
    """The process at the server that answers."""
    with engine.connect() as connection:
        found: int = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        return found


def _end(server: Server, process: int) -> None:
    with psycopg.connect(
        host=str(server.folder), user="postgres", dbname="postgres", autocommit=True
    ) as other:
        # It waits until the process is gone.
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [process])


@pytest.mark.parametrize("asked_after", [liveness.ASKED_AFTER, 0.0])
def test_a_connection_that_the_server_ended_is_replaced(
    engine: Engine,
    postgres: Server,
    monkeypatch: pytest.MonkeyPatch,
    asked_after: float,
) -> None:
    monkeypatch.setattr(liveness, "ASKED_AFTER", asked_after)
    first = _whose(engine)
    assert _whose(engine) == first
    _end(postgres, first)
    assert _whose(engine) != first


def test_only_a_connection_that_has_rested_is_asked(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    ping = engine.dialect.do_ping

    def counted(connection: Any) -> bool:
        asked.append(connection)
        return ping(connection)

    monkeypatch.setattr(engine.dialect, "do_ping", counted)
    for _ in range(3):
        _whose(engine)
    assert not asked
    monkeypatch.setattr(liveness, "ASKED_AFTER", 0.0)
    _whose(engine)
    assert len(asked) == 1


def test_what_a_living_server_says_unasked_ends_nothing(
    engine: Engine, postgres: Server
) -> None:
    """A notification, say, which stands in the socket until somebody reads."""
    with engine.connect() as connection:
        connection.execute(text("LISTEN news"))
    first = _whose(engine)
    with psycopg.connect(
        host=str(postgres.folder), user="postgres", dbname="postgres", autocommit=True
    ) as other:
        other.execute("NOTIFY news")
    assert _whose(engine) == first
