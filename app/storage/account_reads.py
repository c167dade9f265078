"""Named reads about the connected accounts and the people who may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.account import ConnectionStatus, EventStatus
from app.storage.account_conditions import may_be_asked_about
from app.storage.connection_models import (
    AccountAccess,
    ImportItem,
    ImportRun,
    StripeReads,
)
from app.storage.models import AuditEntry, StripeAccount, StripeEvent, User


@dataclass(frozen=True, slots=True)
class EventCounts:
    """How an account's events stand."""

    waiting: int
    oldest_waiting_at: datetime | None
    received_today: int  # in the last 24 hours


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """How many open invoices the import found, and how many it has looked at."""

    found: int
    done: int


def visible_accounts(session: Session, user: User) -> list[StripeAccount]:
    """The accounts this person may see: connected ones first, then as they came."""
    wanted = select(StripeAccount).order_by(StripeAccount.id)
    if user.is_restricted:
        allowed = select(AccountAccess.account_id).where(
            AccountAccess.user_id == user.id
        )
        wanted = wanted.where(StripeAccount.id.in_(allowed))
    left = ConnectionStatus.DISCONNECTED
    return sorted(session.scalars(wanted), key=lambda account: account.status is left)


def working_ids(session: Session, *, now: datetime) -> list[int]:
    """Accounts that Stripe can be asked about now, whatever their switch says."""
    return list(
        session.scalars(
            select(StripeAccount.id)
            .where(may_be_asked_about(now))
            .order_by(StripeAccount.id)
        )
    )


def event_counts(session: Session, account_id: int, *, now: datetime) -> EventCounts:
    """Events that wait to be handled, and how many came lately."""
    waiting, oldest = session.execute(
        select(func.count(), func.min(StripeEvent.received_at)).where(
            StripeEvent.account_id == account_id,
            StripeEvent.status == EventStatus.PENDING,
        )
    ).one()
    received = session.scalar(
        select(func.count()).where(
            StripeEvent.account_id == account_id,
            StripeEvent.received_at > now - timedelta(days=1),
        )
    )
    return EventCounts(waiting, oldest, received or 0)


def import_run(session: Session, account_id: int) -> ImportRun | None:
    """How far the account's import has come."""
    return session.scalar(select(ImportRun).where(ImportRun.account_id == account_id))


def import_counts(session: Session, account_id: int) -> ImportCounts:
    """The invoices of the import, counted."""
    found, done = session.execute(
        select(func.count(), func.count(ImportItem.done_at)).where(
            ImportItem.account_id == account_id
        )
    ).one()
    return ImportCounts(found, done)


def reads_of(session: Session, account_id: int, *, now: datetime) -> int:
    """How often we read from Stripe for this account in the last 30 days."""
    since = (now - timedelta(days=29)).date()
    return (
        session.scalar(
            select(func.sum(StripeReads.calls)).where(
                StripeReads.account_id == account_id, StripeReads.day >= since
            )
        )
        or 0
    )


def last_done(
    session: Session, account_id: int, actions: Sequence[str], *, limit: int
) -> list[AuditEntry]:
    """The newest entries of some kinds about this account."""
    return list(
        session.scalars(
            select(AuditEntry)
            .where(AuditEntry.account_id == account_id, AuditEntry.action.in_(actions))
            .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
            .limit(limit)
        )
    )
