"""Declines know the card's issuer, where Stripe names it.

What is stored already learns it when its invoice is looked at again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("decline", sa.Column("issuer", sa.String(100)))
    op.add_column("decline", sa.Column("iin", sa.String(6)))


def downgrade() -> None:
    op.drop_column("decline", "iin")
    op.drop_column("decline", "issuer")
