"""The audit trail in the database: its triggers, and what is read of its chain.

The triggers refuse every change but a seal, and write an entry for every charge. They
are made by a migration, and by create_all for tests, from the same script. A migration
that rebuilds `audit_entry` or `retry_attempt` must make them again.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, event, func, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from app.domain.audit_chain import BEGINNING, Link, Sealable
from app.storage.base import Base
from app.storage.models import AuditEntry, RetryAttempt

_SCRIPTS = Path(__file__).parents[2] / "migrations" / "sql"
# What the trigger writes for each charge that Stripe was asked for.
CHARGES = tuple(
    f"charge {status}" for status in ("succeeded", "declined", "processing", "unknown")
)
# Rows in one read of the chain.
_CHUNK = 2000
# What an entry says; the chain is made of it.
FIELDS = (
    AuditEntry.id,
    AuditEntry.at,
    AuditEntry.user_id,
    AuditEntry.account_id,
    AuditEntry.recovery_id,
    AuditEntry.action,
    AuditEntry.detail,
)


def unsealed(session: Session, *, limit: int) -> list[Sealable]:
    """The oldest entries without a seal."""
    rows = session.execute(
        select(*FIELDS)
        .where(AuditEntry.position.is_(None))
        .order_by(AuditEntry.id)
        .limit(limit)
    )
    return [Sealable(*row) for row in rows]


def waiting(session: Session) -> tuple[int, datetime | None]:
    """How many entries have no seal yet, and the time of the oldest."""
    count, oldest = session.execute(
        select(func.count(), func.min(AuditEntry.at)).where(
            AuditEntry.position.is_(None)
        )
    ).one()
    return count, oldest


def end_of_chain(session: Session) -> tuple[int, str]:
    """The last position and its seal."""
    row = session.execute(
        select(AuditEntry.position, AuditEntry.seal)
        .where(AuditEntry.position.is_not(None))
        .order_by(AuditEntry.position.desc())
        .limit(1)
    ).first()
    return (row[0] or 0, row[1] or BEGINNING) if row else (0, BEGINNING)


def put_seals(session: Session, links: Sequence[Link]) -> bool:
    """Write the seals of entries that have none; False when one had got another."""
    result: CursorResult[Any] = session.connection().execute(
        update(AuditEntry.__table__)  # type: ignore[arg-type]
        .where(
            AuditEntry.__table__.c.id == bindparam("row"),
            AuditEntry.__table__.c.position.is_(None),
        )
        .values(position=bindparam("place"), seal=bindparam("sealed")),
        [
            {"row": link.entry.id, "place": link.position, "sealed": link.seal}
            for link in links
        ],
    )
    return result.rowcount == len(links)


def chain(session: Session) -> Iterator[Link]:
    """Every sealed entry, by position; read a little at a time."""
    position = 0
    while True:
        rows = session.execute(
            select(AuditEntry.position, AuditEntry.seal, *FIELDS)
            .where(AuditEntry.position > position)
            .order_by(AuditEntry.position)
            .limit(_CHUNK)
        ).all()
        for place, seal, *fields in map(tuple[Any, ...], rows):
            yield Link(place, Sealable(*fields), seal)
            position = place
        if len(rows) < _CHUNK:
            return


@event.listens_for(Base.metadata, "after_create")
def _make_triggers(
    _target: Any, connection: Connection, tables: list[Any] | None = None, **_: Any
) -> None:
    if RetryAttempt.__table__ in (tables or []):
        script = _SCRIPTS / f"audit.{connection.dialect.name}.sql"
        for statement in script.read_text().split("--next"):
            connection.exec_driver_sql(statement)
