"""Indexes for the beginnings of names and addresses, on PostgreSQL.

SQLite has indexes of the same names since 0001.
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_COLUMNS = {"name": "customer_name", "email": "customer_email"}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for name, column in _COLUMNS.items():
        op.execute(
            f"CREATE INDEX ix_subscription_search_{name} "
            f"ON subscription (lower({column}) text_pattern_ops)"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for name in _COLUMNS:
        op.execute(f"DROP INDEX ix_subscription_search_{name}")
