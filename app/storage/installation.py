"""The database's own life: one row that beats while somebody works on it.

Every backup leaves the row out. So a database that was put back, by whatever means,
says so itself: it has no row, and nothing is charged before Stripe was asked what
happened since. `beat` finds copies that were made without our command: a process that
saw a higher one before knows that this database went back in time.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    String,
    event,
    exists,
    insert,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.storage.base import Base, UTCDateTime

THE_ROW = 1


class Installation(Base):
    """One row; see above."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    identity: Mapped[str] = mapped_column(String(32))
    beat: Mapped[int] = mapped_column(BigInteger, default=0)
    beaten_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # When it was last found to have been put back.
    restored_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # Everything in it was moved to another database, and it is closed.
    moved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # What was received before this has no payload any more; see services/pruning.
    events_pruned_until: Mapped[datetime | None] = mapped_column(UTCDateTime)


def is_at_home() -> ColumnElement[bool]:
    """Whether the database is known to be as it was left, for a statement's WHERE."""
    return exists().where(Installation.id == THE_ROW, Installation.moved_at.is_(None))


def installation(session: Session) -> Installation | None:
    """The row; None in a database that was put back and not looked at since."""
    return session.get(Installation, THE_ROW, with_for_update=True)


@event.listens_for(Base.metadata, "after_create")
def _begin(
    _target: Any, connection: Connection, tables: list[Any] | None = None, **_: Any
) -> None:
    if Installation.__table__ in (tables or []):
        values = {"id": THE_ROW, "identity": "new", "beat": 0}
        connection.execute(insert(Installation), values)
