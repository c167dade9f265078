"""The database's own life: its heartbeat, and whether it was put back from a copy."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stripe_account", sa.Column("restored_at", sa.DateTime()))
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("identity", sa.String(length=32), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("beaten_at", sa.DateTime(), nullable=True),
        sa.Column("restored_at", sa.DateTime(), nullable=True),
        sa.Column("events_pruned_until", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    # A database without this row was put back from a backup.
    op.execute("INSERT INTO installation (id, identity, beat) VALUES (1, 'new', 0)")


def downgrade() -> None:
    op.drop_table("installation")
    op.drop_column("stripe_account", "restored_at")
