"""Alembic's entry: migrates the application's database through its writer."""

import logging

from alembic import context
from flask import current_app

config = context.config
logging.getLogger("alembic").setLevel(logging.INFO)
migrate = current_app.extensions["migrate"]
engine = migrate.db.engines["writer"]


def run_migrations() -> None:
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=migrate.db.metadata,
            include_name=_is_ours,
            **migrate.configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    # APScheduler makes its own table; the search index is made by hand.
    if kind == "table" and name == "apscheduler_jobs":
        return False
    return "subscription_search" not in (name or "")


run_migrations()
