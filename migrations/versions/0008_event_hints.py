"""What decides about an event beside its payload; ignored events by time."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

IGNORED = sa.text("status = 'ignored'")


def upgrade() -> None:
    op.add_column("stripe_event", sa.Column("hints", sa.JSON(), nullable=True))
    op.create_index(
        "ix_stripe_event_ignored",
        "stripe_event",
        ["received_at"],
        sqlite_where=IGNORED,
        postgresql_where=IGNORED,
    )


def downgrade() -> None:
    op.drop_index("ix_stripe_event_ignored", "stripe_event")
    op.drop_column("stripe_event", "hints")
