"""Experiments may be given the day on which they stop by themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("experiment", sa.Column("stops_at", sa.DateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("experiment", "stops_at")
