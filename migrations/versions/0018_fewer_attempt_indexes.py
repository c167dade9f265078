"""Two indexes of the attempts go: only exports asked by them."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_retry_attempt_account", "retry_attempt")
    op.drop_index("ix_retry_attempt_status", "retry_attempt")


def downgrade() -> None:
    op.create_index(
        "ix_retry_attempt_status", "retry_attempt", ["status", "due_at", "id"]
    )
    op.create_index(
        "ix_retry_attempt_account", "retry_attempt", ["account_id", "due_at", "id"]
    )
