"""A program of before goes on answering while the migrations of a newer one run."""

import time
from dataclasses import replace

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, Integer, Text, create_engine, text

from app import create_app, current
from app.config import Config
from app.extensions import db
from tests.servers import Senders, a_free_port, a_server, answers, end
from tests.stripe_events import a_listening_account


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, port=a_free_port(), stripe_api_base="http://127.0.0.1:9")


def migrate_to_tomorrow(config: Config) -> None:
    """What a migration may do: add columns that may be empty, tables, indexes."""
    wait = {"timeout": 60} if config.is_sqlite else {}
    engine = create_engine(config.database_url, connect_args=wait)
    with engine.begin() as connection:
        op = Operations(MigrationContext.configure(connection))
        op.create_table("of_tomorrow", Column("id", Integer, primary_key=True))
        for table in ("stripe_account", "stripe_event", "retry_attempt"):
            op.add_column(table, Column("of_tomorrow", Text, nullable=True))
            op.create_index(f"ix_tomorrow_{table}", table, ["of_tomorrow"])
        op.execute("UPDATE alembic_version SET version_num = 'tomorrow'")
    engine.dispose()


@pytest.mark.slow
def test_no_delivery_is_lost_while_migrations_run(config: Config) -> None:
    app = create_app(config)
    with app.app_context():
        account = a_listening_account(
            sealed_api_key=current.vault().encrypt("rk_test_never_used")
        )
        for engine in db.engines.values():
            engine.dispose()
    address = f"/webhooks/stripe/{account.connection_key}"
    with a_server(config) as process:
        assert answers(config)
        with Senders(config, address, how_many=4) as senders:
            for is_upgrade in (False, True):
                if is_upgrade:
                    migrate_to_tomorrow(config)
                enough = len(senders.answered) + 50
                give_up_at = time.monotonic() + 30
                while len(senders.answered) < enough:
                    assert time.monotonic() < give_up_at, senders.refused
                    time.sleep(0.01)
        code, said = end(process)
    assert code == 0, said
    assert senders.refused == []
    engine = create_engine(config.database_url)
    with engine.connect() as connection:
        stored = connection.scalars(text("SELECT stripe_event_id FROM stripe_event"))
        assert set(senders.answered) <= set(stored)
    engine.dispose()
