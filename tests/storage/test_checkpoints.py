"""The log is moved into the database while it is written, by somebody else."""

import threading
import time
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from app.extensions import db
from app.storage.checkpoints import keep_log_short
from app.storage.transaction import reading, transaction

SOON = 5.0  # seconds no healthy machine needs

pytestmark = pytest.mark.sqlite


def test_what_was_written_is_in_the_database_soon(app: Flask) -> None:
    file = Path(str(db.engine.url.database))
    stop = threading.Event()
    thread = threading.Thread(
        target=keep_log_short,
        args=(db.engine, db.engines["writer"]),
        kwargs={"until": stop, "every": 0.01},
    )
    thread.start()
    try:
        with transaction() as session:
            session.execute(text("CREATE TABLE big (content BLOB)"))
            session.execute(text("INSERT INTO big VALUES (zeroblob(3000000))"))
        end = time.monotonic() + SOON
        while file.stat().st_size < 3_000_000:
            assert time.monotonic() < end, "the log was not moved"
            time.sleep(0.005)
        with reading() as session:
            assert session.scalar(text("SELECT length(content) FROM big")) == 3_000_000
    finally:
        stop.set()
        thread.join(SOON)
    assert not thread.is_alive()


def test_commits_leave_the_log_to_it(app: Flask) -> None:
    stop = threading.Event()
    stop.set()
    keep_log_short(db.engine, db.engines["writer"], until=stop)
    before = Path(str(db.engine.url.database)).stat().st_size
    with transaction() as session:
        session.execute(text("CREATE TABLE big (content BLOB)"))
        session.execute(text("INSERT INTO big VALUES (zeroblob(20000000))"))
    assert Path(str(db.engine.url.database)).stat().st_size == before
