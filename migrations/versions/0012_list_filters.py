"""What the lists are filtered by and ordered by: columns and indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_subscription_code": ("subscription", "last_decline_code", "created_at", "id"),
    "ix_subscription_amount": ("subscription", "currency", "amount", "id"),
    "ix_subscription_recovered": ("subscription", "currency", "recovered_amount", "id"),
    "ix_subscription_declines": ("subscription", "declines", "id"),
    "ix_subscription_next_retry": ("subscription", "next_retry_at", "id"),
    "ix_decline_advice": ("decline", "advice_code", "occurred_at", "id"),
    "ix_decline_brand": ("decline", "brand", "occurred_at", "id"),
    "ix_decline_funding": ("decline", "funding", "occurred_at", "id"),
    "ix_decline_country": ("decline", "country", "occurred_at", "id"),
    "ix_decline_made_by": ("decline", "made_by", "occurred_at", "id"),
    "ix_decline_amount": ("decline", "currency", "amount", "id"),
}
# Of the rows that are there already; before the index, which is made faster whole.
NOTE_LAST_DECLINES = """
    UPDATE subscription SET (last_declined_at, last_decline_code) = (
        SELECT decline.occurred_at, decline.decline_code
        FROM decline JOIN recovery ON recovery.id = decline.recovery_id
        WHERE recovery.subscription_id = subscription.id
        ORDER BY decline.occurred_at DESC, decline.id DESC LIMIT 1
    ) WHERE declines > 0
"""


def upgrade() -> None:
    # Plain ADD COLUMNs: rebuilding the table would drop its triggers.
    op.add_column(
        "subscription", sa.Column("last_declined_at", sa.DateTime(), nullable=True)
    )
    op.add_column(
        "subscription",
        sa.Column("last_decline_code", sa.String(length=64), nullable=True),
    )
    op.execute(sa.text(NOTE_LAST_DECLINES))
    for name, (table, *columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, *_) in reversed(INDEXES.items()):
        op.drop_index(name, table)
    op.drop_column("subscription", "last_decline_code")
    op.drop_column("subscription", "last_declined_at")
