"""The index that finds subscriptions by a piece of the customer's name or e-mail.

SQLite: a trigram table (FTS5) beside the subscriptions, kept by triggers, and two
plain indexes for pieces too short for trigrams. PostgreSQL: pg_trgm, and two indexes
for beginnings. The same statements stand in the migrations 0001 and 0021. Rebuilding
the subscription table (Alembic's batch mode) loses the triggers: such a migration must
make them again.
"""

from typing import Any

from sqlalchemy import Connection, event

from app.storage.models import Subscription

# Triggers fire only when the searched text changes: keeping a sum costs nothing here.
ON_SQLITE = (
    """
    CREATE VIRTUAL TABLE subscription_search USING fts5(
        customer_name, customer_email,
        content='subscription', content_rowid='id', tokenize='trigram')
    """,
    """
    CREATE TRIGGER subscription_search_insert AFTER INSERT ON subscription BEGIN
        INSERT INTO subscription_search (rowid, customer_name, customer_email)
        VALUES (new.id, new.customer_name, new.customer_email);
    END
    """,
    """
    CREATE TRIGGER subscription_search_delete AFTER DELETE ON subscription BEGIN
        INSERT INTO subscription_search
            (subscription_search, rowid, customer_name, customer_email)
        VALUES ('delete', old.id, old.customer_name, old.customer_email);
    END
    """,
    """
    CREATE TRIGGER subscription_search_update
    AFTER UPDATE OF customer_name, customer_email ON subscription
    WHEN old.customer_name IS NOT new.customer_name
        OR old.customer_email IS NOT new.customer_email
    BEGIN
        INSERT INTO subscription_search
            (subscription_search, rowid, customer_name, customer_email)
        VALUES ('delete', old.id, old.customer_name, old.customer_email);
        INSERT INTO subscription_search (rowid, customer_name, customer_email)
        VALUES (new.id, new.customer_name, new.customer_email);
    END
    """,
    "CREATE INDEX ix_subscription_search_name ON subscription (customer_name)",
    "CREATE INDEX ix_subscription_search_email ON subscription (customer_email)",
)
# Where the extension may not be installed, searching works, only slower.
ON_POSTGRESQL = (
    """
    DO $$ BEGIN
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
        CREATE INDEX ix_subscription_search ON subscription
        USING gin (customer_name gin_trgm_ops, customer_email gin_trgm_ops);
    EXCEPTION
        WHEN insufficient_privilege OR undefined_file OR feature_not_supported
        THEN NULL;
    END $$
    """,
    """
    CREATE INDEX ix_subscription_search_name
    ON subscription (lower(customer_name) text_pattern_ops)
    """,
    """
    CREATE INDEX ix_subscription_search_email
    ON subscription (lower(customer_email) text_pattern_ops)
    """,
)

_table = Subscription.__table__


@event.listens_for(_table, "after_create")
def _make(_target: Any, connection: Connection, **_: Any) -> None:
    statements = {"sqlite": ON_SQLITE, "postgresql": ON_POSTGRESQL}
    for statement in statements[connection.dialect.name]:
        connection.exec_driver_sql(statement)


@event.listens_for(_table, "before_drop")
def _drop(_target: Any, connection: Connection, **_: Any) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("DROP TABLE IF EXISTS subscription_search")
