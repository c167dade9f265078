"""Counts that the database keeps while it writes, so that no page has to count.

Triggers keep them exact whatever writes the rows; a test counts in full and compares.
They are made by migrations 0002 and 0014 (and by create_all, for tests, from the same
script). A migration that rebuilds one of the counted tables (Alembic's batch mode) must
make its triggers again.

SQLite keeps sums in place. On PostgreSQL, where transactions would wait for each
other's sums and could lock each other out, every change is a row of its own; readers
add up, and `fold` makes one row of many.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    ForeignKey,
    FromClause,
    String,
    delete,
    event,
    func,
    insert,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.domain.declines import DeclineKind
from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.storage.alone import Work
from app.storage.base import Base, Word
from app.storage.models import Recovery

_SCRIPTS = Path(__file__).parents[2] / "migrations" / "sql"
# In the order in which they were made.
_NAMES = {
    "sqlite": ("tallies.sqlite.sql", "day_tallies.sqlite.sql"),
    "postgresql": (
        "tallies.postgresql.sql",
        "day_tallies.postgresql.sql",
        "tally_rows.postgresql.sql",
    ),
}
# Rows that might be one: so few cost a reader less than folding them.
_WORTH_FOLDING = 200


class RecoveryTally(Base):
    """Recoveries by currency, month of the first decline (UTC) and state."""

    __tablename__ = "recovery_tally"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("stripe_account.id"), primary_key=True
    )
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    cohort: Mapped[str] = mapped_column(String(7), primary_key=True)  # 2026-11
    status: Mapped[RecoveryStatus] = mapped_column(
        Word(RecoveryStatus), primary_key=True
    )
    closed_as: Mapped[str] = mapped_column(String(24), primary_key=True)  # "": not so
    recoveries: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[int] = mapped_column(BigInteger)
    recovered_amount: Mapped[int] = mapped_column(BigInteger)


class DeclineTally(Base):
    """Declines by month (UTC), kind and decline code."""

    __tablename__ = "decline_tally"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("stripe_account.id"), primary_key=True
    )
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    kind: Mapped[DeclineKind] = mapped_column(Word(DeclineKind), primary_key=True)
    decline_code: Mapped[str] = mapped_column(String(64), primary_key=True)  # "": none
    declines: Mapped[int] = mapped_column(BigInteger)


class AttemptTally(Base):
    """Answered retries by number, hour and weekday (UTC, Sunday is 0) and answer."""

    __tablename__ = "attempt_tally"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("stripe_account.id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    weekday: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    status: Mapped[AttemptStatus] = mapped_column(Word(AttemptStatus), primary_key=True)
    attempts: Mapped[int] = mapped_column(BigInteger)


class BeginningTally(Base):
    """Recoveries by the day of their first decline (UTC), and by where they stand now.

    RecoveryTally says the same by month: over years it has a thirtieth of the rows.
    """

    __tablename__ = "beginning_tally"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("stripe_account.id"), primary_key=True
    )
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)  # 2026-11-23
    status: Mapped[RecoveryStatus] = mapped_column(
        Word(RecoveryStatus), primary_key=True
    )
    closed_as: Mapped[str] = mapped_column(String(24), primary_key=True)  # "": not so
    recoveries: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[int] = mapped_column(BigInteger)
    recovered_amount: Mapped[int] = mapped_column(BigInteger)


class EndingTally(Base):
    """Recoveries by the day they ended (UTC), how, and after how many retries."""

    __tablename__ = "ending_tally"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("stripe_account.id"), primary_key=True
    )
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    status: Mapped[RecoveryStatus] = mapped_column(
        Word(RecoveryStatus), primary_key=True
    )
    closed_as: Mapped[str] = mapped_column(String(24), primary_key=True)  # "": not so
    retries: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    recoveries: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[int] = mapped_column(BigInteger)
    recovered_amount: Mapped[int] = mapped_column(BigInteger)


class DeclineDayTally(Base):
    """Declines by day (UTC), kind and decline code."""

    __tablename__ = "decline_day_tally"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("stripe_account.id"), primary_key=True
    )
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    kind: Mapped[DeclineKind] = mapped_column(Word(DeclineKind), primary_key=True)
    decline_code: Mapped[str] = mapped_column(String(64), primary_key=True)  # "": none
    declines: Mapped[int] = mapped_column(BigInteger)


TALLIES = (
    RecoveryTally,
    DeclineTally,
    AttemptTally,
    BeginningTally,
    EndingTally,
    DeclineDayTally,
)


@event.listens_for(Base.metadata, "after_create")
def _make_triggers(
    _target: Any, connection: Connection, tables: list[Any] | None = None, **_: Any
) -> None:
    if Recovery.__table__ in (tables or []):
        for name in _NAMES[connection.dialect.name]:
            for statement in (_SCRIPTS / name).read_text().split("--next"):
                connection.exec_driver_sql(statement)


def fold(session: Session) -> int:
    """Make one row of all that count the same; how many rows fewer there are."""
    if session.get_bind().dialect.name != "postgresql":
        return 0
    if not session.scalar(select(func.pg_try_advisory_xact_lock(int(Work.FOLDING)))):
        return 0  # another process is at it
    return sum(_fold(session, kept.__table__) for kept in TALLIES)


def _fold(session: Session, kept: FromClause) -> int:
    keys = [column for column in kept.c if column.primary_key]
    counts = [column for column in kept.c if not column.primary_key]
    rows = session.scalar(select(func.count()).select_from(kept)) or 0
    groups = select(*keys).distinct().subquery()
    needed = session.scalar(select(func.count()).select_from(groups)) or 0
    if rows - needed < _WORTH_FOLDING:
        return 0
    # One statement sees one state: rows that are added meanwhile stay as they are.
    gone = delete(kept).returning(*kept.c).cte("gone")  # type: ignore[arg-type]
    added = select(
        *(gone.c[key.name] for key in keys),
        *(func.sum(gone.c[count.name]) for count in counts),
    ).group_by(*(gone.c[key.name] for key in keys))
    session.execute(
        insert(kept).from_select([*keys, *counts], added)  # type: ignore[arg-type]
    )
    return rows - needed
