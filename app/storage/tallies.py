"""Counts that the database keeps while it writes, so that no page has to count.

Triggers keep them exact whatever writes the rows; a test counts in full and compares.
They are made by migrations 0002 and 0014 (and by create_all, for tests, from the same
script). A migration that rebuilds one of the counted tables (Alembic's batch mode) must
make its triggers again.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Connection, ForeignKey, String, event
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.declines import DeclineKind
from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.storage.base import Base, Word
from app.storage.models import Recovery

_SCRIPTS = Path(__file__).parents[2] / "migrations" / "sql"


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


@event.listens_for(Base.metadata, "after_create")
def _make_triggers(
    _target: Any, connection: Connection, tables: list[Any] | None = None, **_: Any
) -> None:
    if Recovery.__table__ in (tables or []):
        for tallies in ("tallies", "day_tallies"):
            script = _SCRIPTS / f"{tallies}.{connection.dialect.name}.sql"
            for statement in script.read_text().split("--next"):
                connection.exec_driver_sql(statement)
