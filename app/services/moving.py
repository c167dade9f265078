"""Moving from SQLite to PostgreSQL: a rehearsal beside the server, then for good.

Both are one transaction at either end: a consistent state is read, and all of it
arrives or nothing. A rehearsal leaves out the row by which a database knows that it is
at home, and its switches are off, so that two panels never charge the same people.
Moving for good holds the old database alone and closes it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import flask_migrate
from flask import Flask
from sqlalchemy import Connection, Engine, delete, inspect, select, text, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app import current
from app.extensions import db
from app.services import schema
from app.storage import table_copies
from app.storage.installation import Installation
from app.storage.models import StripeAccount, User
from app.storage.table_copies import Unequal

IN_USE = (
    "The database is being used: stop the server first, so that nothing is lost that "
    "arrives meanwhile. Stripe sends again what it cannot deliver."
)


class NotMoved(Exception):
    """Nothing was copied; the text says why."""


def copy(there: Flask, *, move: bool, now: datetime) -> dict[str, int]:
    """Copy everything into the database of `there`; how many rows of each table."""
    if not current.config().is_sqlite:
        raise NotMoved("DATABASE_URL is no SQLite database: there is nothing to move.")
    if not schema.is_migrated():
        raise NotMoved("This database is not up to date: flask --app app db upgrade")
    # Reading holds nobody up; the one who writes is kept from others only to move.
    here = db.engines["writer"] if move else db.engine
    try:
        with there.app_context():
            target = db.engines["writer"]
            _prepare(target)
        return _copy(here, target, move=move, now=now)
    finally:
        with there.app_context():
            for each in db.engines.values():
                each.dispose()


def _copy(here: Engine, target: Engine, *, move: bool, now: datetime) -> dict[str, int]:
    with _source(here, alone=move) as source:
        try:
            with target.begin() as connection:
                copied = _fill(source, connection, move=move)
        except Unequal as fault:
            raise NotMoved(f"Nothing was copied: {fault}.") from None
        except DBAPIError as fault:
            raise NotMoved(f"Nothing was copied: {fault.orig}") from None
        if move:
            source.execute(update(Installation).values(moved_at=now))
            source.commit()
    with target.connect().execution_options(isolation_level="AUTOCOMMIT") as after:
        after.execute(text("ANALYZE"))
    return copied


def _fill(source: Connection, target: Connection, *, move: bool) -> dict[str, int]:
    copied = table_copies.copy_all(source, target)
    table_copies.compare_all(source, target)
    if not move:
        target.execute(delete(Installation))
        target.execute(update(StripeAccount).values(is_on=False))
    return copied


def _prepare(target: Engine) -> None:
    """Make the tables, unless somebody works there already."""
    try:
        with target.connect() as connection:
            there = set(inspect(connection).get_table_names())
            if there and "alembic_version" not in there:
                raise NotMoved("There are tables of something else in that database.")
            is_ours = {"user", "stripe_account"} <= there
            for model in (User, StripeAccount) if is_ours else ():
                if connection.execute(select(model.id).limit(1)).first():
                    raise NotMoved("There is something in that database already.")
    except SQLAlchemyError as fault:
        raise NotMoved(
            f"That database does not answer: {getattr(fault, 'orig', fault)}"
        ) from None
    flask_migrate.upgrade()


@contextmanager
def _source(engine: Engine, *, alone: bool) -> Iterator[Connection]:
    """The state to be copied; with `alone`, of a database that nobody else has open."""
    for each in db.engines.values():
        each.dispose()
    with engine.connect() as connection:
        if alone:
            _be_alone(connection)
        try:
            yield connection
        finally:
            connection.invalidate()  # the lock goes with it


def _be_alone(connection: Connection) -> None:
    """Every process that has a database open in WAL mode holds a lock on the file, so
    leaving that mode fails while there is another."""
    connection.rollback()
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    driver.execute("PRAGMA busy_timeout=0")
    try:
        found = driver.execute("PRAGMA journal_mode=DELETE").fetchone()
        driver.execute("PRAGMA locking_mode=EXCLUSIVE")
    except sqlite3.OperationalError:
        raise NotMoved(IN_USE) from None
    if found != ("delete",):
        raise NotMoved(IN_USE)
