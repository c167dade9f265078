"""A disk that is full, a file that cannot be written, a lock that somebody holds:
nothing is answered 2xx or charged that could not be written first."""

import http.client
import json
import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from app import create_app, current
from app.config import Config
from app.extensions import db
from app.services import inbox
from app.storage import engines
from app.storage.models import StripeAccount, StripeEvent
from app.storage.transaction import reading
from tests.attacks import stories
from tests.attacks.stories import World, a_world
from tests.servers import a_free_port, a_server, answers, end
from tests.stripe_events import (
    SECRET,
    a_listening_account,
    an_event,
    deliver,
    signature,
)

pytestmark = pytest.mark.sqlite
LATER_COMMITS = range(1, 30)


@contextmanager
def failing_commits(which: set[int]) -> Iterator[list[int]]:
    """These commits of the writer fail as on a full disk, counted from now; yields
    the numbers of those that did."""
    failed: list[int] = []
    seen = 0

    def fail(_connection: object) -> None:
        nonlocal seen
        seen += 1
        if seen in which:
            failed.append(seen)
            raise sqlite3.OperationalError("database or disk is full")

    writer = db.engines["writer"]
    event.listen(writer, "commit", fail)
    try:
        yield failed
    finally:
        event.remove(writer, "commit", fail)


@pytest.mark.slow
def test_any_commit_of_a_tick_may_fail_and_nothing_is_lost_or_doubled(
    config: Config, tmp_path: Path
) -> None:
    for number in LATER_COMMITS:
        folder = tmp_path / str(number)
        folder.mkdir()
        url = f"sqlite:///{folder / 'world.db'}"
        _copy_of(config, folder / "world.db")
        with a_world(replace(config, database_url=url), folder) as world:
            world.due("insufficient_funds", "do_not_honor")
            with failing_commits({number}) as failed:
                world.tick()
            if not failed:
                assert number > 8  # that many commits were tried at least
                return
            world.notes.pop("failed jobs", None)  # they say so, and are done again
            assert list(stories.recovered(world)) == [], f"commit {number}"


def _copy_of(config: Config, file: Path) -> None:
    file.write_bytes(Path(config.database_url.removeprefix("sqlite:///")).read_bytes())


def test_what_cannot_be_claimed_on_disk_is_not_charged(
    config: Config, tmp_path: Path
) -> None:
    with a_world(config, tmp_path) as world:
        world.due("insufficient_funds")
        before = world.sandbox.ledger()
        with failing_commits(set(range(1, 10_000))) as failed:
            world.tick()
        assert failed
        assert world.sandbox.ledger() == before
        _mended(world)


def test_a_database_that_cannot_be_written_charges_nothing_and_goes_on_later(
    config: Config, tmp_path: Path
) -> None:
    with a_world(config, tmp_path) as world:
        world.due("insufficient_funds")
        before = world.sandbox.ledger()
        with read_only():
            world.tick()
            answer = world.app.test_client().get("/readyz")
            assert (answer.status_code, answer.text) == (
                503,
                "the database cannot be written\n",
            )
            assert world.app.test_client().get("/login").status_code == 200
        assert world.sandbox.ledger() == before
        _mended(world)


def _mended(world: World) -> None:
    """The disk is back, and nobody had to do anything."""
    world.notes.pop("failed jobs", None)
    assert list(stories.recovered(world)) == []


@contextmanager
def read_only() -> Iterator[None]:
    """Writing fails with the words that SQLite has for a file it may only read."""

    def forbid(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA query_only=ON")

    def allow(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA query_only=OFF")

    writer = db.engines["writer"]
    event.listen(writer, "checkout", forbid)
    try:
        yield
    finally:
        event.remove(writer, "checkout", forbid)
        event.listen(writer, "checkout", allow)


def test_a_webhook_is_answered_503_while_the_disk_is_full_and_200_after(
    config: Config,
) -> None:
    app = create_app(config)
    with app.app_context():
        account, told = a_listening_account(), an_event()
        now = datetime.now(UTC)
        client = app.test_client()
        with failing_commits(set(range(1, 100))):
            assert deliver(client, account, told, at=now).status_code == 503
        assert _stored() == []
        assert deliver(client, account, told, at=now).status_code == 200
        assert _stored() == [told["id"]]


def test_a_webhook_waits_for_a_lock_and_is_answered_503_in_time(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "PATIENCE", 0.3)
    app = create_app(config)
    with app.app_context():
        account, told = a_listening_account(), an_event()
        now = datetime.now(UTC)
        with locked(config):
            began = time.monotonic()
            answer = deliver(app.test_client(), account, told, at=now)
            assert answer.status_code == 503
            assert time.monotonic() - began < 5
        # Stripe sends it again; by now the first one may have been written, too.
        assert deliver(app.test_client(), account, told, at=now).status_code == 200
        assert _stored() == [told["id"]]


def test_retries_stand_still_while_another_process_holds_the_lock(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_MS", 50)
    with a_world(config, tmp_path) as world:
        world.due("insufficient_funds")
        before = world.sandbox.ledger()
        with locked(config):
            world.tick()
        assert world.sandbox.ledger() == before
        _mended(world)


@contextmanager
def locked(config: Config) -> Iterator[None]:
    """Another process in the middle of a write."""
    file = config.database_url.removeprefix("sqlite:///")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def _stored() -> list[str]:
    with reading() as session:
        return [row.stripe_event_id for row in session.query(StripeEvent)]


@pytest.mark.slow
def test_a_server_on_a_full_disk_refuses_and_recovers_by_itself(
    config: Config,
) -> None:
    config = replace(
        config, port=a_free_port(), stripe_api_base="http://127.0.0.1:9", testing=False
    )
    app = create_app(config)
    with app.app_context():
        sealed = current.vault().encrypt("rk_test_never_used")
        account = a_listening_account(sealed_api_key=sealed)
        for engine in db.engines.values():
            engine.dispose()
    with a_server(config) as process:
        assert answers(config)
        assert _sent(config, account, "evt_before") == 200
        # Not a byte more in any file: what a full disk is to a process.
        unlimited = resource.RLIM_INFINITY
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, unlimited))
        refused = [_sent(config, account, f"evt_full_{n}") for n in range(5)]
        assert set(refused) == {503}
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        assert _sent(config, account, "evt_after") == 200
        end(process)
    with app.app_context():
        assert {"evt_before", "evt_after"} <= set(_stored())


def _sent(config: Config, account: StripeAccount, id: str) -> int:
    body = json.dumps(an_event("invoice.paid", id=id, object={"padding": "x" * 9_000}))
    header = signature(body, SECRET, at=datetime.now(UTC))
    link = http.client.HTTPConnection(config.host, config.port, timeout=20)
    link.request(
        "POST",
        f"/webhooks/stripe/{account.connection_key}",
        body,
        {"Stripe-Signature": header},
    )
    status = link.getresponse().status
    link.close()
    return status
