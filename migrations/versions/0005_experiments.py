"""Experiments, and the arm that each recovery fell into."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

LIVE_EXPERIMENT = sa.text("stopped_at IS NULL")


def upgrade() -> None:
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "experiment",
        sa.Column("id", row_id, nullable=False),
        sa.Column("account_id", row_id, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("control", sa.String(length=64), nullable=False),
        sa.Column("control_version", sa.String(length=32), nullable=False),
        sa.Column("treatment", sa.String(length=64), nullable=False),
        sa.Column("treatment_version", sa.String(length=32), nullable=False),
        sa.Column("treatment_percent", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("planned", sa.Integer(), nullable=False),
        sa.Column("seed", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by_id", row_id, nullable=False),
        sa.Column("starts_at", sa.DateTime(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(), nullable=True),
        sa.Column("adopted", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["stripe_account.id"], name=op.f("fk_experiment_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["user.id"], name=op.f("fk_experiment_created_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiment")),
    )
    op.create_index(
        "uq_experiment_live",
        "experiment",
        ["account_id"],
        unique=True,
        sqlite_where=LIVE_EXPERIMENT,
        postgresql_where=LIVE_EXPERIMENT,
    )
    op.create_table(
        "allocation",
        sa.Column("recovery_id", row_id, nullable=False),
        sa.Column("experiment_id", row_id, nullable=False),
        sa.Column("arm", sa.String(length=24), nullable=False),
        sa.Column("window_ends_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["recovery_id"], ["recovery.id"], name=op.f("fk_allocation_recovery_id")
        ),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiment.id"],
            name=op.f("fk_allocation_experiment_id"),
        ),
        sa.PrimaryKeyConstraint("recovery_id", name=op.f("pk_allocation")),
    )
    op.create_index(
        "ix_allocation_experiment", "allocation", ["experiment_id", "window_ends_at"]
    )


def downgrade() -> None:
    op.drop_table("allocation")
    op.drop_table("experiment")
