"""On PostgreSQL the tallies get a row for each change, and are added up when read.

Sums in shared rows made transactions wait for each other, and in different orders:
two that changed several recoveries could lock each other out.
"""

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"
KEYS = {
    "recovery_tally": (
        "account_id, currency, cohort, status, closed_as",
        "recoveries, amount, recovered_amount",
    ),
    "decline_tally": ("account_id, month, kind, decline_code", "declines"),
    "attempt_tally": ("account_id, number, weekday, hour, status", "attempts"),
    "beginning_tally": (
        "account_id, currency, day, status, closed_as",
        "recoveries, amount, recovered_amount",
    ),
    "ending_tally": (
        "account_id, currency, day, status, closed_as, retries",
        "recoveries, amount, recovered_amount",
    ),
    "decline_day_tally": ("account_id, day, kind, decline_code", "declines"),
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _run("tally_rows.postgresql.sql")


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, (keys, counts) in KEYS.items():
        sums = ", ".join(f"sum({count})" for count in counts.split(", "))
        op.execute(
            f"WITH gone AS (DELETE FROM {table} RETURNING *) "  # noqa: S608
            f"INSERT INTO {table} ({keys}, {counts}) "
            f"SELECT {keys}, {sums} FROM gone GROUP BY {keys}"
        )
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY ({keys})"
        )
    # The triggers of before find the functions by name.
    _run("tallies.postgresql.sql", only="CREATE FUNCTION")
    _run("day_tallies.postgresql.sql", only="CREATE FUNCTION")


def _run(name: str, *, only: str = "") -> None:
    for statement in (SQL / name).read_text().split("--next"):
        words = statement.strip()
        if words.startswith(only):
            words = words.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
            op.get_bind().exec_driver_sql(words)
