"""Bulk actions and the recoveries in each."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "bulk_job",
        sa.Column("id", row_id, nullable=False),
        sa.Column("user_id", row_id, nullable=False),
        sa.Column("action", sa.String(length=24), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("is_cut", sa.Boolean(), nullable=False),
        sa.Column("without", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_bulk_job_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_job")),
    )
    op.create_index("ix_bulk_job_status", "bulk_job", ["status", "made_at"])
    op.create_table(
        "bulk_item",
        sa.Column("id", row_id, nullable=False),
        sa.Column("job_id", row_id, nullable=False),
        sa.Column("recovery_id", row_id, nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("seen", sa.String(length=40), nullable=True),
        sa.Column("fee", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["bulk_job.id"],
            name=op.f("fk_bulk_item_job_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["recovery_id"],
            ["recovery.id"],
            name=op.f("fk_bulk_item_recovery_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_item")),
    )
    op.create_index(
        "uq_bulk_item_recovery", "bulk_item", ["job_id", "recovery_id"], unique=True
    )
    op.create_index("ix_bulk_item_state", "bulk_item", ["job_id", "state", "id"])
    op.create_index("ix_bulk_item_recovery_id", "bulk_item", ["recovery_id"])


def downgrade() -> None:
    op.drop_table("bulk_item")
    op.drop_table("bulk_job")
