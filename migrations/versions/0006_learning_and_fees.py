"""What strategies have learned; the fees that networks may bill, and a budget."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BELIEVED_ATTEMPT = sa.text("probability IS NOT NULL AND finished_at IS NOT NULL")
BILLABLE_ATTEMPT = sa.text("expected_fee > 0")


def upgrade() -> None:
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "strategy_model",
        sa.Column("id", row_id, nullable=False),
        sa.Column("account_id", row_id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("learned_at", sa.DateTime(), nullable=False),
        sa.Column("closed", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("skill", sa.Double(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["stripe_account.id"],
            name=op.f("fk_strategy_model_account_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy_model")),
    )
    op.create_index(
        "uq_strategy_model_version",
        "strategy_model",
        ["account_id", "version"],
        unique=True,
    )
    # Plain ADD COLUMNs: rebuilding the table would drop the triggers that count it.
    op.add_column(
        "retry_attempt", sa.Column("expected_fee", sa.BigInteger(), nullable=True)
    )
    op.add_column(
        "stripe_account", sa.Column("fee_budget", sa.BigInteger(), nullable=True)
    )
    op.create_index(
        "ix_retry_attempt_believed",
        "retry_attempt",
        ["finished_at"],
        sqlite_where=BELIEVED_ATTEMPT,
        postgresql_where=BELIEVED_ATTEMPT,
    )
    op.create_index(
        "ix_retry_attempt_billable",
        "retry_attempt",
        ["account_id", "started_at"],
        sqlite_where=BILLABLE_ATTEMPT,
        postgresql_where=BILLABLE_ATTEMPT,
    )


def downgrade() -> None:
    op.drop_index("ix_retry_attempt_billable", "retry_attempt")
    op.drop_index("ix_retry_attempt_believed", "retry_attempt")
    op.drop_column("stripe_account", "fee_budget")
    op.drop_column("retry_attempt", "expected_fee")
    op.drop_table("strategy_model")
