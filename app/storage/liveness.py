"""Whether a kept connection to PostgreSQL still leads to a server.

To ask takes as long as a small query, a tenth of a page. A server that went away has
closed its end, which can be seen without asking: so only a connection that has not been
used for a while is asked, for on the way to a server an idle one may be forgotten.
"""

import select
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

ASKED_AFTER = 30.0  # seconds of rest


def watch(engine: Engine) -> None:
    """Let nobody be given a dead connection of `engine`, whose driver is psycopg."""

    @event.listens_for(engine, "checkin")
    def _rest(_connection: Any, record: Any) -> None:
        record.info["used_at"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _look(connection: Any, record: Any, _given: Any) -> None:
        used_at = record.info.get("used_at")
        if used_at is None:  # just opened
            return
        try:
            if time.monotonic() - used_at > ASKED_AFTER:
                engine.dialect.do_ping(connection)
            else:
                _read_news(connection)
        except engine.dialect.loaded_dbapi.Error as fault:
            raise InvalidatePoolError from fault


def _read_news(connection: Any) -> None:
    """Read what came without being asked for: a notice, or the server's farewell, which
    raises the driver's error."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    while poll.poll(0):
        connection.pgconn.consume_input()
