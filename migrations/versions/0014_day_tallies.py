"""Counts by day, kept by the database: what began, what ended, what was declined."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TALLIES = ("beginning_tally", "ending_tally", "decline_day_tally")
# What was written before the triggers were there.
COUNTS = (
    """
    INSERT INTO beginning_tally SELECT account_id, currency, {started}, status,
        coalesce(closed_as, ''), count(*), sum(amount), sum(recovered_amount)
    FROM recovery GROUP BY 1, 2, 3, 4, 5
    """,
    """
    INSERT INTO ending_tally SELECT account_id, currency, {ended}, status,
        coalesce(closed_as, ''), retries, count(*), sum(amount), sum(recovered_amount)
    FROM recovery WHERE ended_at IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6
    """,
    """
    INSERT INTO decline_day_tally SELECT account_id, {occurred}, kind,
        coalesce(decline_code, ''), count(*)
    FROM decline GROUP BY 1, 2, 3, 4
    """,
)
DAY = {"sqlite": "date({})", "postgresql": "to_char({}, 'YYYY-MM-DD')"}


def upgrade() -> None:
    sums = ("recoveries", "amount", "recovered_amount")
    retries = sa.Column("retries", sa.Integer(), nullable=False)
    _tally("beginning_tally", *_states(), counts=sums)
    _tally("ending_tally", *_states(), retries, counts=sums)
    _tally(
        "decline_day_tally",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("decline_code", sa.String(length=64), nullable=False),
        counts=("declines",),
    )
    dialect = op.get_bind().dialect.name
    script = Path(__file__).parents[1] / "sql" / f"day_tallies.{dialect}.sql"
    for statement in script.read_text().split("--next"):
        op.execute(sa.text(statement.replace(":", r"\:")))
    day = DAY[dialect]
    for count in COUNTS:
        op.execute(
            count.format(
                started=day.format("started_at"),
                ended=day.format("ended_at"),
                occurred=day.format("occurred_at"),
            )
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for tally in TALLIES[:2]:
            for name in ("insert", "update", "delete"):
                op.execute(f"DROP TRIGGER {tally}_{name}")
        op.execute("DROP TRIGGER decline_day_tally_insert")
    else:
        for tally in TALLIES:
            op.execute(f"DROP FUNCTION {tally}_keep() CASCADE")
    for tally in TALLIES:
        op.drop_table(tally)


def _states() -> tuple[sa.Column, ...]:
    return (
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("closed_as", sa.String(length=24), nullable=False),
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
