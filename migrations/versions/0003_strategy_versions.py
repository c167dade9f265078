"""The version of the strategy that each recovery began with."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A plain ADD COLUMN: rebuilding the table would drop the triggers that count it.
    op.add_column(
        "recovery", sa.Column("strategy_version", sa.String(length=32), nullable=True)
    )
    op.create_index("ix_recovery_strategy", "recovery", ["strategy", "started_at"])


def downgrade() -> None:
    op.drop_index("ix_recovery_strategy", "recovery")
    op.drop_column("recovery", "strategy_version")
