"""Events that Stripe made against those that arrived."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COLUMNS = (
    ("events_expected", sa.Integer),
    ("events_received", sa.Integer),
    ("events_compared_since", sa.DateTime),
    ("events_compared_at", sa.DateTime),
)


def upgrade() -> None:
    for name, kind in COLUMNS:
        op.add_column("stripe_account", sa.Column(name, kind(), nullable=True))


def downgrade() -> None:
    for name, _ in reversed(COLUMNS):
        op.drop_column("stripe_account", name)
