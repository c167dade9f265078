from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.extensions import db
from app.storage.transaction import transaction
from tests.builders import a_account, an_attempt
from tests.conftest import MONDAY


def _ready(client: FlaskClient) -> tuple[int, str]:
    client.application.extensions.pop("readiness", None)
    answer = client.get("/readyz")
    return answer.status_code, answer.text


def test_it_is_alive_and_ready(client: FlaskClient) -> None:
    assert client.get("/healthz").status_code == 200
    assert _ready(client) == (200, "ready\n")


def test_an_old_schema_is_not_ready(client: FlaskClient) -> None:
    with transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'old'"))
    status, words = _ready(client)
    assert status == 503
    assert "db upgrade" in words


@pytest.mark.sqlite
def test_a_database_that_cannot_be_written_is_not_ready(client: FlaskClient) -> None:
    with db.engines["writer"].connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    assert _ready(client) == (503, "the database cannot be written\n")


@pytest.mark.sqlite
def test_a_database_that_is_gone_is_not_ready(client: FlaskClient) -> None:
    db.engine.dispose()
    file = Path(str(db.engine.url.database))
    file.write_bytes(b"not a database, " * 512)
    assert _ready(client) == (503, "the database cannot be read\n")


def test_a_scheduler_that_stands_still_is_not_ready(
    app: Flask, client: FlaskClient
) -> None:
    class Stopped:
        running = False

    app.extensions["scheduler"] = Stopped()
    assert _ready(client) == (503, "the scheduler stands still\n")


def test_a_retry_that_is_an_hour_late_is_told(client: FlaskClient) -> None:
    an_attempt(due_at=MONDAY - timedelta(minutes=59))
    assert _ready(client)[0] == 200
    an_attempt(due_at=MONDAY - timedelta(minutes=61))
    assert _ready(client) == (503, "retries are late\n")


@pytest.mark.parametrize(
    "held", [{"is_on": False}, {"hold_until": MONDAY + timedelta(minutes=5)}]
)
def test_a_retry_that_is_held_back_is_not_late(
    client: FlaskClient, held: dict[str, object]
) -> None:
    account = a_account(**held)
    an_attempt(account_id=account.id, due_at=MONDAY - timedelta(days=1))
    assert _ready(client)[0] == 200


def test_strangers_cannot_make_it_write_often(client: FlaskClient) -> None:
    assert _ready(client)[0] == 200
    with transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'old'"))
    assert client.get("/readyz").status_code == 200
