"""Notes of the staff, and changes of the card that a recovery charges."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "staff_note",
        sa.Column("id", row_id, nullable=False),
        sa.Column("account_id", row_id, nullable=False),
        sa.Column("subscription_id", row_id, nullable=True),
        sa.Column("recovery_id", row_id, nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("user_id", row_id, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        *_references("staff_note", "subscription", "recovery", "user"),
    )
    for column in ("subscription_id", "recovery_id"):
        op.create_index(f"ix_staff_note_{column}", "staff_note", [column, "id"])
    op.create_table(
        "card_change",
        sa.Column("id", row_id, nullable=False),
        sa.Column("account_id", row_id, nullable=False),
        sa.Column("recovery_id", row_id, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("stripe_payment_method_id", sa.String(length=64), nullable=True),
        sa.Column("set_on", sa.String(length=16), nullable=True),
        sa.Column("brand", sa.String(length=24), nullable=True),
        sa.Column("last4", sa.String(length=4), nullable=True),
        sa.Column("funding", sa.String(length=16), nullable=True),
        sa.Column("card_expiry", sa.String(length=7), nullable=True),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(), nullable=True),
        *_references("card_change", "recovery"),
    )
    op.create_index("ix_card_change_recovery_id", "card_change", ["recovery_id"])


def downgrade() -> None:
    op.drop_table("card_change")
    op.drop_table("staff_note")


def _references(table: str, *others: str) -> list[sa.Constraint]:
    columns = {"account_id": "stripe_account.id"}
    columns |= {f"{other}_id": f"{other}.id" for other in others}
    return [
        *(
            sa.ForeignKeyConstraint([column], [to], name=op.f(f"fk_{table}_{column}"))
            for column, to in columns.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    ]
