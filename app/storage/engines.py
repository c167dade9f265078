"""How the database is opened: many readers that cannot write, and the writers.

SQLite has one writer. Left to themselves, connections that compete for it poll and
starve each other (0.9 to 2.5 s measured); here they stand in one line: the writer's
pool holds a single connection and hands it on in order of arrival.
"""

from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection

from app.storage import liveness
from app.storage.line import OneInLine

# A fault that is logged shows its statement, and none of the values: customers' names
# and whole events of Stripe's are among them.
DISCREET = {"hide_parameters": True}
# Long enough for a slow disk and a backup; the only competitor is another process.
BUSY_TIMEOUT_MS = 30_000

# Statements that each reading connection of SQLite keeps prepared, 17 kB each: enough
# for the jobs and the page that is being looked at. The driver's own 128 came to 13 MB.
STATEMENTS_KEPT = 48


def reader_options(url: str) -> dict[str, Any]:
    """create_engine() options for the connections that pages and jobs read with."""
    if url.startswith("sqlite"):
        # Kept open are as many as are busy at once as a rule, and the one used last is
        # used first.
        pool = {"pool_size": 6, "max_overflow": 42, "pool_use_lifo": True}
        prepared = {"connect_args": {"cached_statements": STATEMENTS_KEPT}}
        return {**pool, **DISCREET, **prepared}
    # Pages ask short questions: compiling one takes half a second, and what an index
    # points at is in memory or on an SSD, not on the disk that the default thinks of.
    options = "-c default_transaction_read_only=on -c jit=off -c random_page_cost=1.1"
    # Each statement sees what is committed, within a transaction or without: without
    # one a page asks twice less.
    alone = {"isolation_level": "AUTOCOMMIT"}
    return {**_server_pool(), **alone, "connect_args": {"options": options}}


def writer_options(url: str) -> dict[str, Any]:
    """create_engine() options for the connections that transaction() commits on."""
    if url.startswith("sqlite"):
        return {
            "poolclass": OneInLine,
            "pool_size": 1,
            "max_overflow": 0,
            "pool_timeout": 60,
            **DISCREET,
        }
    return _server_pool()


def prepare(engine: Engine, *, may_write: bool) -> None:
    """Set up each new connection of `engine`; on PostgreSQL, see that it lives."""
    if engine.dialect.name != "sqlite":
        liveness.watch(engine)
        return

    @event.listens_for(engine, "connect")
    def _on_connect(connection: DBAPIConnection, _record: object) -> None:
        # The driver must not begin transactions by its own rules.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",  # what was answered 2xx survives a power loss
            # The kernel keeps the file's pages too; 2 MB for each of some twenty
            # connections would be a third of what the process may take. The one that
            # writes comes back to the pages of its indexes.
            f"cache_size={-4000 if may_write else -500}",
            # Pages of the log: fewer, larger moves when a command writes much. A
            # server does not let it come to that (see checkpoints.py).
            "wal_autocheckpoint=4000",
            "foreign_keys=ON",
            f"query_only={'OFF' if may_write else 'ON'}",
            # What a statement with triggers would undo is kept here, not in a file: a
            # sixth of the time of such a write.
            f"temp_store={'MEMORY' if may_write else 'DEFAULT'}",
        ):
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

    event.listen(engine, "begin", _begin_writing if may_write else _begin_reading)


def _begin_writing(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_reading(connection: Connection) -> None:
    # By the driver itself: it cannot fail, and every page begins one.
    connection.connection.execute("BEGIN")


def _server_pool() -> dict[str, Any]:
    return {"pool_size": 8, "max_overflow": 32, **DISCREET}
