"""Fixtures for every test: an application on an empty database, a clock that obeys."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, appcontext_pushed
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.clock import Clock
from app.config import Config
from app.domain.people import Role
from app.extensions import db
from app.sandbox import Sandbox, start_sandbox
from app.services import sessions
from app.storage.models import User
from tests.databases import (  # noqa: F401 - fixtures
    POSTGRESQL,
    SQLITE,
    database_url,
    empty_file,
    keep_in_memory,
    on_postgresql,
    on_sqlite,
    postgres,
    template,
)
from tests.drawing import draw_the_same
from tests.made_once import share

draw_the_same()
share()
keep_in_memory()
MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
FERNET_KEY = "9dFJ8bH4Yh2m1fS1u1QmY3vJkq2m3XG2k0m8n3q6s7o="


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=(SQLITE, POSTGRESQL),
        default=SQLITE,
        help="where the application under test keeps its rows",
    )


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if config.getoption("--database") == POSTGRESQL:
        elsewhere = [item for item in items if item.get_closest_marker("sqlite")]
        items[:] = [item for item in items if item not in elsewhere]
        config.hook.pytest_deselected(items=elsewhere)


class SetClock(Clock):
    """A clock that a test sets and moves."""

    def __init__(self, time: datetime = MONDAY) -> None:
        super().__init__()
        self.time = time

    def now(self) -> datetime:
        return self.time

    def wall(self) -> datetime:
        return self.time

    def advance(self, **delta: float) -> None:
        self.time += timedelta(**delta)


class Browser(FlaskClient):
    """A client whose requests each stand in a context of their own, as when served.

    Within the test's own context they would share `g`, and so the signed-in user.
    """

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        with self.application.app_context():
            return super().open(*args, **kwargs)


@pytest.fixture(autouse=True)
def _only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches beyond the loopback."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if host not in {"", "127.0.0.1", "::1", "localhost"}:
            raise OSError(f"a test tried to reach {host}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _connections_are_closed() -> Iterator[None]:
    """Those of every application that a test has made.

    One that the garbage collector finds open fails whichever test runs just then.
    """
    made: set[Flask] = set()

    def remember(app: Flask, **_: Any) -> None:
        made.add(app)

    with appcontext_pushed.connected_to(remember):
        yield
    for app in made:
        with app.app_context():
            for engine in db.engines.values():
                engine.dispose()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A stand-in for Stripe on a port of its own, its clock at MONDAY."""
    with start_sandbox(now=MONDAY.isoformat()) as sandbox:
        yield sandbox


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def config(database_url: str) -> Config:  # noqa: F811 - a fixture
    return Config(
        database_url=database_url,
        secret_key="not-a-secret",
        encryption_keys=(FERNET_KEY,),
        testing=True,
    )


@pytest.fixture
def unmade_config(config: Config, tmp_path: Path) -> Config:
    """The same, with a SQLite database in which there is nothing yet."""
    return replace(config, database_url=f"sqlite:///{tmp_path / 'unmade.db'}")


@pytest.fixture
def app(config: Config, clock: SetClock) -> Iterator[Flask]:
    """The application on a database of its own, inside its context."""
    app = create_app(config, clock=clock)
    app.test_client_class = Browser
    with app.app_context():
        yield app
        app.extensions["reception"].inbox.close()
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def sign_in(app: Flask, clock: SetClock) -> Callable[[User], FlaskClient]:
    """A client of its own with `user` signed in; hashing no password."""

    def signed_in(user: User) -> FlaskClient:
        client = app.test_client()
        with client.session_transaction() as session:
            session["_user_id"] = session_of(user, now=clock.wall())
        return client

    return signed_in


def session_of(user: User, *, now: datetime) -> str:
    """The token of a session that `user` began at `now`; goes into the cookie."""
    return sessions.begin(user.id, address="127.0.0.1", browser="pytest", now=now)


def a_user(role: Role = Role.OWNER, **over: Any) -> User:
    """A person named for the role; signs in by `sign_in` only."""
    from tests import builders  # which stand on this file's MONDAY

    named = {"role": role, "email": f"{role}@example.com", "name": f"The {role}"}
    return builders.a_user(**{**named, **over})


SignIn = Callable[[User], FlaskClient]


@pytest.fixture
def owner(sign_in: SignIn) -> FlaskClient:
    """A browser with an owner signed in."""
    return sign_in(a_user(Role.OWNER))


@pytest.fixture
def staff(sign_in: SignIn) -> FlaskClient:
    """A browser with a staff member signed in."""
    return sign_in(a_user(Role.STAFF))


@pytest.fixture
def viewer(sign_in: SignIn) -> FlaskClient:
    """A browser with a viewer signed in."""
    return sign_in(a_user(Role.VIEWER))
