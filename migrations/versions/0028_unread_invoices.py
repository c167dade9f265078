"""Invoices that Stripe does not show are set aside, and asked for less and less."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "unread_invoice",
        sa.Column("account_id", row_id, nullable=False),
        sa.Column("stripe_invoice_id", sa.String(length=64), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", sa.DateTime(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["stripe_account.id"],
            name=op.f("fk_unread_invoice_account_id"),
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "stripe_invoice_id", name=op.f("pk_unread_invoice")
        ),
    )


def downgrade() -> None:
    op.drop_table("unread_invoice")
