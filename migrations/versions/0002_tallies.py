"""Counts kept by the database, and two indexes for the dashboard."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEEDS_PERSON = sa.text(
    "ended_at IS NULL AND "
    "(status = 'waiting_for_customer' OR paused_because = 'person' OR card_trap)"
)
FAILED_SUBSCRIPTION = sa.text(
    "(cancellation_reason = 'payment_failed' OR status = 'unpaid')"
)
ANSWERED_ATTEMPT = sa.text("started_at IS NOT NULL AND finished_at IS NOT NULL")
TALLIES = ("recovery_tally", "decline_tally", "attempt_tally")
# What was written before the triggers were there.
COUNT_RECOVERIES = """
    INSERT INTO recovery_tally SELECT account_id, currency, {month}, status,
        coalesce(closed_as, ''), count(*), sum(amount), sum(recovered_amount)
    FROM recovery GROUP BY 1, 2, 3, 4, 5
"""
COUNT_DECLINES = """
    INSERT INTO decline_tally SELECT account_id, {month}, kind,
        coalesce(decline_code, ''), count(*)
    FROM decline GROUP BY 1, 2, 3, 4
"""
COUNT_ATTEMPTS = """
    INSERT INTO attempt_tally SELECT account_id, number, {weekday}, {hour}, status,
        count(*)
    FROM retry_attempt WHERE status IN ('succeeded', 'declined')
    GROUP BY 1, 2, 3, 4, 5
"""


def upgrade() -> None:
    op.create_index(
        "ix_subscription_failed",
        "subscription",
        ["account_id"],
        sqlite_where=FAILED_SUBSCRIPTION,
        postgresql_where=FAILED_SUBSCRIPTION,
    )
    op.create_index(
        "ix_recovery_needs_person",
        "recovery",
        ["deadline_at"],
        sqlite_where=NEEDS_PERSON,
        postgresql_where=NEEDS_PERSON,
    )
    op.create_index(
        "ix_retry_attempt_answered",
        "retry_attempt",
        ["finished_at"],
        sqlite_where=ANSWERED_ATTEMPT,
        postgresql_where=ANSWERED_ATTEMPT,
    )
    _tally(
        "recovery_tally",
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("cohort", sa.String(length=7), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("closed_as", sa.String(length=24), nullable=False),
        counts=("recoveries", "amount", "recovered_amount"),
    )
    _tally(
        "decline_tally",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("decline_code", sa.String(length=64), nullable=False),
        counts=("declines",),
    )
    _tally(
        "attempt_tally",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        counts=("attempts",),
    )
    dialect = op.get_bind().dialect.name
    script = Path(__file__).parents[1] / "sql" / f"tallies.{dialect}.sql"
    for statement in script.read_text().split("--next"):
        op.execute(sa.text(statement.replace(":", r"\:")))
    _count_what_is_there(dialect)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER recovery_tally_{name}")
        op.execute("DROP TRIGGER decline_tally_insert")
        op.execute("DROP TRIGGER attempt_tally_insert")
        op.execute("DROP TRIGGER attempt_tally_update")
    else:
        for tally in TALLIES:
            op.execute(f"DROP FUNCTION {tally}_keep() CASCADE")
    for tally in TALLIES:
        op.drop_table(tally)
    op.drop_index(
        "ix_retry_attempt_answered",
        "retry_attempt",
        sqlite_where=ANSWERED_ATTEMPT,
        postgresql_where=ANSWERED_ATTEMPT,
    )
    op.drop_index(
        "ix_recovery_needs_person",
        "recovery",
        sqlite_where=NEEDS_PERSON,
        postgresql_where=NEEDS_PERSON,
    )
    op.drop_index(
        "ix_subscription_failed",
        "subscription",
        sqlite_where=FAILED_SUBSCRIPTION,
        postgresql_where=FAILED_SUBSCRIPTION,
    )


def _tally(name: str, *keys: sa.Column, counts: tuple[str, ...]) -> None:
    op.create_table(
        name,
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        *keys,
        *(sa.Column(count, sa.BigInteger(), nullable=False) for count in counts),
        sa.ForeignKeyConstraint(
            ["account_id"], ["stripe_account.id"], name=op.f(f"fk_{name}_account_id")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", *(key.name for key in keys), name=op.f(f"pk_{name}")
        ),
    )


def _count_what_is_there(dialect: str) -> None:
    at = "coalesce(started_at, due_at)"
    if dialect == "sqlite":
        month = "strftime('%Y-%m', {})"
        weekday = f"CAST(strftime('%w', {at}) AS INTEGER)"
        hour = f"CAST(strftime('%H', {at}) AS INTEGER)"
    else:
        month = "to_char({}, 'YYYY-MM')"
        weekday = f"extract(dow FROM {at})::integer"
        hour = f"extract(hour FROM {at})::integer"
    for statement in (
        COUNT_RECOVERIES.format(month=month.format("started_at")),
        COUNT_DECLINES.format(month=month.format("occurred_at")),
        COUNT_ATTEMPTS.format(weekday=weekday, hour=hour),
    ):
        op.execute(sa.text(statement.replace(":", r"\:")))
