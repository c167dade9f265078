"""What tells whether the work is being done: ages and counts, each from an index."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, select, text
from sqlalchemy.orm import Session

from app.domain.account import ConnectionStatus, EventStatus
from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.storage.account_conditions import is_charged
from app.storage.installation import Installation
from app.storage.models import (
    UNFINISHED_WORDS,
    Decline,
    Recovery,
    RetryAttempt,
    StripeAccount,
    StripeEvent,
)
from app.storage.spelled import is_one_of, is_word

# Statuses that an attempt never leaves again.
FINAL = (AttemptStatus.SUCCEEDED, AttemptStatus.DECLINED, AttemptStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits, and since when the oldest of it could have been done."""

    count: int
    since: datetime | None

    def age(self, *, now: datetime) -> timedelta:
        """How late the oldest is; nothing when nothing waits."""
        return max(now - self.since, timedelta()) if self.since else timedelta()


def touch(session: Session) -> None:
    """Write something that changes nothing: raises when the database cannot."""
    session.execute(text("UPDATE alembic_version SET version_num = version_num"))


def database_size(session: Session) -> int:
    """Bytes on the disk, what was freed and is used again included."""
    if session.get_bind().dialect.name == "postgresql":
        asked = text("SELECT pg_database_size(current_database())")
    else:
        asked = text(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        )
    return session.scalar(asked) or 0


def beaten_at(session: Session) -> datetime | None:
    """When the jobs last left a sign of life, of whichever process."""
    return session.scalar(select(Installation.beaten_at))


def accounts_in_trouble(session: Session) -> int:
    """Connected accounts with something that only their owner can mend."""
    return _accounts(session, StripeAccount.trouble.is_not(None))


def accounts_put_back(session: Session) -> int:
    """Accounts not charged before Stripe was asked: the database was put back."""
    return _accounts(session, StripeAccount.restored_at.is_not(None))


def due_retries(session: Session, *, now: datetime) -> Waiting:
    """Retries whose time has come and which nothing holds back."""
    count, since = session.execute(
        select(func.count(), func.min(RetryAttempt.due_at))
        .join(StripeAccount, RetryAttempt.account_id == StripeAccount.id)
        .join(Recovery, RetryAttempt.recovery_id == Recovery.id)
        .where(
            is_word(RetryAttempt.status, AttemptStatus.SCHEDULED),
            RetryAttempt.due_at <= now,
            Recovery.status == RecoveryStatus.IN_RETRY,
            is_charged(now),
        )
    ).one()
    return Waiting(count, since)


def due_events(session: Session, *, now: datetime) -> Waiting:
    """Stored events that should have been handled by now."""
    return _events(session, StripeEvent.try_at <= now)


def failing_events(session: Session) -> int:
    """Stored events that could not be handled so far."""
    return _events(session, StripeEvent.tries > 0).count


def events_received(session: Session, *, after: datetime, until: datetime) -> int:
    """How many events were stored in a span of time."""
    return _count(
        session,
        select(func.count()).where(
            StripeEvent.received_at > after, StripeEvent.received_at <= until
        ),
    )


def newest_decline_id(session: Session) -> int:
    """The last decline's id; 0 when there is none."""
    return _count(session, select(func.max(Decline.id)))


def declines_by_kind(session: Session, *, after: int, until: int) -> dict[str, int]:
    """How many declines of each kind have an id in the span."""
    rows = session.execute(
        select(Decline.kind, func.count())
        .where(Decline.id > after, Decline.id <= until)
        .group_by(Decline.kind)
    )
    return {kind.value: count for kind, count in rows}


def attempts_by_end(
    session: Session, *, after: datetime, until: datetime
) -> dict[str, int]:
    """How many attempts that were due in the span have ended, and how."""
    rows = session.execute(
        select(RetryAttempt.status, func.count())
        .where(
            RetryAttempt.status.in_(FINAL),
            RetryAttempt.due_at > after,
            RetryAttempt.due_at <= until,
        )
        .group_by(RetryAttempt.status)
    )
    return {status.value: count for status, count in rows}


def oldest_live_attempt(session: Session) -> datetime | None:
    """When the oldest attempt that has not ended was due."""
    first = (  # of each account: read off the index that claims are made by
        select(func.min(RetryAttempt.due_at))
        .where(
            RetryAttempt.account_id == StripeAccount.id,
            is_word(RetryAttempt.status, AttemptStatus.SCHEDULED),
        )
        .scalar_subquery()
    )
    unfinished = select(func.min(RetryAttempt.due_at)).where(
        is_one_of(RetryAttempt.status, UNFINISHED_WORDS)
    )
    oldest = session.scalars(select(first).select_from(StripeAccount)).all()
    return min((at for at in (*oldest, session.scalar(unfinished)) if at), default=None)


def _events(session: Session, wanted: ColumnElement[bool]) -> Waiting:
    count, since = session.execute(
        select(func.count(), func.min(StripeEvent.try_at)).where(
            StripeEvent.status == EventStatus.PENDING, wanted
        )
    ).one()
    return Waiting(count, since)


def _accounts(session: Session, wanted: ColumnElement[bool]) -> int:
    connected = StripeAccount.status != ConnectionStatus.DISCONNECTED
    return _count(session, select(func.count()).where(connected, wanted))


def _count(session: Session, query: Select[int]) -> int:
    return session.scalar(query) or 0
