"""A SQLite database that was moved to a server says so."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("installation", sa.Column("moved_at", sa.DateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("installation", "moved_at")
