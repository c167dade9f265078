"""Fixtures for every test: an application on an empty database, a clock that obeys."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.clock import Clock
from app.config import Config
from app.extensions import db
from app.storage.base import Base

MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
FERNET_KEY = "9dFJ8bH4Yh2m1fS1u1QmY3vJkq2m3XG2k0m8n3q6s7o="


class SetClock(Clock):
    """A clock that a test sets and moves."""

    def __init__(self, time: datetime = MONDAY) -> None:
        super().__init__()
        self.time = time

    def now(self) -> datetime:
        return self.time

    def advance(self, **delta: float) -> None:
        self.time += timedelta(**delta)


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


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        database_url=f"sqlite:///{tmp_path / 'test.db'}",
        secret_key="not-a-secret",
        encryption_keys=(FERNET_KEY,),
        testing=True,
    )


@pytest.fixture
def app(config: Config, clock: SetClock) -> Iterator[Flask]:
    """The application on a database of its own, inside its context."""
    app = create_app(config, clock=clock)
    with app.app_context():
        Base.metadata.create_all(db.engines["writer"])
        yield app
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
