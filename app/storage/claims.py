"""Taking attempts for this process: one conditional UPDATE, so each is taken once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.account import ConnectionStatus
from app.domain.recovery import AttemptStatus
from app.storage.models import Recovery, RetryAttempt, StripeAccount


@dataclass(frozen=True, slots=True)
class Claim:
    """What charging needs to know of a claimed attempt, free of any session.

    `latest_charge_id` is the newest charge on the invoice that we know of: another
    one at Stripe means that somebody charged meanwhile.
    """

    attempt_id: int
    account_id: int
    recovery_id: int
    stripe_invoice_id: str
    idempotency_key: str
    latest_charge_id: str | None


@dataclass(frozen=True, slots=True)
class Lost:
    """A claimed attempt whose answer is missing."""

    claim: Claim
    started_at: datetime
    asked: int  # how often Stripe was asked under its key


def chargeable_accounts(session: Session, *, now: datetime) -> list[int]:
    """Accounts that may be charged now: connected, switched on, not held back."""
    return list(
        session.scalars(
            select(StripeAccount.id)
            .where(
                StripeAccount.is_on,
                StripeAccount.status == ConnectionStatus.CONNECTED,
                (StripeAccount.hold_until.is_(None))
                | (StripeAccount.hold_until <= now),
            )
            .order_by(StripeAccount.id)
        )
    )


def claim_due(
    session: Session, *, account_id: int, now: datetime, limit: int
) -> list[Claim]:
    """Up to `limit` attempts that are due, the longest due first, now running."""
    due = (
        select(RetryAttempt.id)
        .where(
            RetryAttempt.status == AttemptStatus.SCHEDULED,
            RetryAttempt.account_id == account_id,
            RetryAttempt.due_at <= now,
        )
        .order_by(RetryAttempt.due_at)
        .limit(limit)
        # Several processes on PostgreSQL share a queue; SQLite has one writer anyway.
        .with_for_update(skip_locked=True)
    )
    taken = session.execute(
        update(RetryAttempt)
        .where(
            RetryAttempt.id.in_(due.scalar_subquery()),
            RetryAttempt.status == AttemptStatus.SCHEDULED,
        )
        .values(
            status=AttemptStatus.RUNNING, started_at=now, asked=RetryAttempt.asked + 1
        )
        .returning(RetryAttempt.id)
        .execution_options(synchronize_session=False)
    )
    ids = list(taken.scalars())
    return _claims(session, ids) if ids else []


def unfinished(session: Session, *, claimed_before: datetime, limit: int) -> list[Lost]:
    """Attempts whose answer is missing: unknown ones, and running ones that are old."""
    old = (RetryAttempt.status == AttemptStatus.RUNNING) & (
        RetryAttempt.started_at < claimed_before
    )
    rows = session.execute(
        _CLAIMS.add_columns(RetryAttempt.started_at, RetryAttempt.asked)
        .where((RetryAttempt.status == AttemptStatus.UNKNOWN) | old)
        .order_by(RetryAttempt.started_at)
        .limit(limit)
    )
    return [Lost(Claim(*row[:-2]), row.started_at, row.asked) for row in rows]


def _claims(session: Session, attempt_ids: list[int]) -> list[Claim]:
    rows = session.execute(
        _CLAIMS.where(RetryAttempt.id.in_(attempt_ids)).order_by(RetryAttempt.due_at)
    )
    return [Claim(*row) for row in rows]


_CLAIMS = select(
    RetryAttempt.id,
    RetryAttempt.account_id,
    RetryAttempt.recovery_id,
    Recovery.stripe_invoice_id,
    RetryAttempt.idempotency_key,
    Recovery.stripe_latest_charge_id,
).join(Recovery, Recovery.id == RetryAttempt.recovery_id)


def live_attempt(session: Session, recovery_id: int) -> RetryAttempt | None:
    """The recovery's one attempt that is planned, running or without its answer."""
    return session.scalar(
        select(RetryAttempt)
        .where(
            RetryAttempt.recovery_id == recovery_id,
            RetryAttempt.status.in_(
                (
                    AttemptStatus.SCHEDULED,
                    AttemptStatus.RUNNING,
                    AttemptStatus.UNKNOWN,
                    AttemptStatus.PROCESSING,
                )
            ),
        )
        .with_for_update()
    )


def withdraw(session: Session, recovery_id: int, reason: str, *, now: datetime) -> bool:
    """Cancel the planned attempt unless it has been claimed; True when it was there."""
    canceled = session.execute(
        update(RetryAttempt)
        .where(
            RetryAttempt.recovery_id == recovery_id,
            RetryAttempt.status == AttemptStatus.SCHEDULED,
        )
        .values(status=AttemptStatus.CANCELED, finished_at=now, outcome=reason)
        .returning(RetryAttempt.id)
    )
    return canceled.first() is not None
