"""The index of the newest subscriptions tells their amounts, too."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_NAME, _TABLE = "ix_subscription_created", "subscription"


def upgrade() -> None:
    _replace(["created_at", "id", "currency", "amount"])


def downgrade() -> None:
    _replace(["created_at", "id"])


def _replace(columns: list[str]) -> None:
    op.drop_index(_NAME, _TABLE)
    op.create_index(_NAME, _TABLE, columns)
