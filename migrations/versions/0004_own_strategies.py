"""The strategies that a merchant builds."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "own_strategy",
        sa.Column("id", row_id, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by_id", row_id, nullable=False),
        sa.Column("retired_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["user.id"], name=op.f("fk_own_strategy_created_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_strategy")),
    )
    op.create_index(
        "uq_own_strategy_version", "own_strategy", ["name", "version"], unique=True
    )


def downgrade() -> None:
    op.drop_table("own_strategy")
