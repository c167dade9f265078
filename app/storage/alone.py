"""Work that one process at a time does: on PostgreSQL by an advisory lock.

SQLite serves one process; there is nobody to keep out. The lock belongs to a database
session, so it ends with the process, however that ends; a pooler that shares sessions
between clients (PgBouncer's transaction mode) must not stand in between.
"""

from contextlib import suppress
from enum import IntEnum

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import db


class Work(IntEnum):
    """What is done alone; the number is PostgreSQL's name of the lock."""

    FOLDING = 7_102_001
    CHARGING = 7_102_011
    HANDLING = 7_102_012


class Alone:
    """One kind of work, from the moment it is ours until it is let go."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._connection: Connection | None = None

    def take(self) -> bool:
        """Whether the work is ours, now or still. Asks the database each time: a lock
        whose session broke is another's."""
        engine = db.engines["writer"]
        if engine.dialect.name != "postgresql":
            return True
        if self._connection is not None:
            try:
                self._connection.execute(select(1))
                return True
            except SQLAlchemyError:
                self._forget()
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if connection.scalar(select(func.pg_try_advisory_lock(int(self._work)))):
            self._connection = connection
            return True
        connection.close()
        return False

    def let_go(self) -> None:
        """The next who asks may have it."""
        if self._connection is None:
            return
        with suppress(SQLAlchemyError):  # the session is gone, and the lock with it
            self._connection.execute(select(func.pg_advisory_unlock(int(self._work))))
        self._forget()

    def _forget(self) -> None:
        """Close the session itself: back in the pool it would keep the lock."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
