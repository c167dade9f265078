"""Many rows into an empty database, fast: without the indexes and triggers of their
tables, which are made again when the rows are there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import util
from types import ModuleType

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Engine, text

from app.config import ROOT
from app.extensions import db


@contextmanager
def without_upkeep(tables: Sequence[str]) -> Iterator[None]:
    """Inside, rows of `tables` are only written. Afterwards every index and trigger
    stands again, and what the triggers keep is counted and indexed in full."""
    with db.engines["writer"].connect() as connection:
        on_sqlite = connection.dialect.name == "sqlite"
        upkeep = _SQLite if on_sqlite else _PostgreSQL
        made_again = upkeep.stop(connection, tables)
        connection.commit()
    yield
    with db.engines["writer"].connect() as connection:
        for statement in made_again:
            connection.exec_driver_sql(statement)
        _count(connection)
        connection.commit()
    upkeep.finish(db.engines["writer"])


class _SQLite:
    @staticmethod
    def stop(connection: Connection, tables: Sequence[str]) -> list[str]:
        found = connection.execute(
            text(
                "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql "
                "IS NOT NULL AND type IN ('index', 'trigger') ORDER BY type"
            )
        ).all()
        # Indexes are made by sorting, and the product's own cache is half a megabyte.
        connection.exec_driver_sql("PRAGMA cache_size=-500000")
        stopped = [each for each in found if each.tbl_name in tables]
        for each in stopped:
            connection.exec_driver_sql(f"DROP {each.type} {each.name}")
        return [each.sql for each in stopped]

    @staticmethod
    def finish(engine: Engine) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO subscription_search (subscription_search) "
                "VALUES ('rebuild')"
            )


class _PostgreSQL:
    @staticmethod
    def stop(connection: Connection, tables: Sequence[str]) -> list[str]:
        found = connection.execute(
            text(
                "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(:of) "
                "AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname)"
            ),
            {"of": list(tables)},
        ).all()
        for name, _ in found:
            connection.exec_driver_sql(f"DROP INDEX {name}")
        # Foreign keys too: the rows are known to fit.
        for table in tables:
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        return [definition for _, definition in found] + [
            f"ALTER TABLE {table} ENABLE TRIGGER ALL" for table in tables
        ]

    @staticmethod
    def finish(engine: Engine) -> None:
        # What autovacuum does within minutes of so many rows.
        alone = engine.execution_options(isolation_level="AUTOCOMMIT")
        with alone.connect() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def _count(connection: Connection) -> None:
    """The kept tallies, as the migrations that made them counted what was there."""
    dialect = connection.dialect.name
    with Operations.context(MigrationContext.configure(connection)):
        _migration("0002_tallies")._count_what_is_there(dialect)
    by_day = _migration("0014_day_tallies")
    times = ("started", "ended", "occurred")
    days = {time: by_day.DAY[dialect].format(f"{time}_at") for time in times}
    for count in by_day.COUNTS:
        connection.exec_driver_sql(count.format(**days))


def _migration(name: str) -> ModuleType:
    spec = util.spec_from_file_location(name, ROOT / f"migrations/versions/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
