"""Recoveries count Stripe's refusals to charge at all, and know the card chosen next.

What is stored already has been refused no time, and knows no card, until its invoice
is looked at again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "recovery",
        sa.Column("stripe_refusals", sa.Integer(), nullable=False, server_default="0"),
    )
    op.add_column("recovery", sa.Column("chosen_card", sa.JSON()))


def downgrade() -> None:
    op.drop_column("recovery", "chosen_card")
    op.drop_column("recovery", "stripe_refusals")
