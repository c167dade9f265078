"""Declines know the kind of payment method: bank debits have limits of their own.

What is stored already learns its kind when its invoice is looked at again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("decline", sa.Column("payment_method_kind", sa.String(32)))


def downgrade() -> None:
    op.drop_column("decline", "payment_method_kind")
