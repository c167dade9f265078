"""Taking attempts for this process: one conditional UPDATE, so each is taken once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, exists, func, select, update
from sqlalchemy.orm import Session

from app.domain.account import ConnectionStatus
from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.storage.account_conditions import is_charged
from app.storage.base import UTCDateTime
from app.storage.installation import is_at_home
from app.storage.models import (
    LIVE_WORDS,
    UNFINISHED_WORDS,
    Recovery,
    RetryAttempt,
    StripeAccount,
)
from app.storage.spelled import is_one_of, is_word, padded


@dataclass(frozen=True, slots=True)
class Claim:
    """What charging needs to know of a claimed attempt, free of any session.

    `latest_charge_id` is the newest charge on the invoice that we know of: another
    one at Stripe means that somebody charged meanwhile. `started_at` and `asked` tell
    this claim of the attempt from an earlier or later one.
    """

    attempt_id: int
    account_id: int
    recovery_id: int
    stripe_invoice_id: str
    idempotency_key: str
    latest_charge_id: str | None
    deadline_at: datetime
    started_at: datetime
    asked: int  # how often Stripe was asked under this key, this time included


def chargeable_accounts(session: Session, *, now: datetime) -> list[int]:
    """Accounts that may be charged now and have something due.

    Connected, switched on, not held back, and looked at whole since the database was
    last put back from a backup.
    """
    return list(session.scalars(_CHARGEABLE, {"now": now}))


def claim_due(
    session: Session, *, account_id: int, now: datetime, limit: int
) -> list[Claim]:
    """Up to `limit` attempts that are due, the longest due first, now running.

    What came due while the account was not charged is left to be planned anew.
    """
    asked = {"of_account": account_id, "now": now, "limit": limit}
    ids = list(session.scalars(_CLAIM, asked))
    return _claims(session, ids) if ids else []


# Built once, like the other statements here that every turn of a tick needs.
_NOW = bindparam("now", type_=UTCDateTime())
_CHARGEABLE = (
    select(StripeAccount.id)
    .where(
        is_charged(_NOW),
        is_at_home(),
        exists().where(
            RetryAttempt.account_id == StripeAccount.id,
            is_word(RetryAttempt.status, AttemptStatus.SCHEDULED),
            RetryAttempt.due_at <= _NOW,
        ),
    )
    .order_by(StripeAccount.id)
)
# As a CTE it is evaluated once: as a plain subquery PostgreSQL may run it for every
# row, and lock and take more than the limit.
_DUE = (
    select(RetryAttempt.id)
    .where(
        is_word(RetryAttempt.status, AttemptStatus.SCHEDULED),
        RetryAttempt.account_id == bindparam("of_account"),
        RetryAttempt.due_at <= _NOW,
        RetryAttempt.due_at
        >= select(func.coalesce(StripeAccount.charges_from, StripeAccount.connected_at))
        # Without a row nothing compares, and nothing is taken.
        .where(
            StripeAccount.id == bindparam("of_account"),
            StripeAccount.restored_at.is_(None),
        )
        .scalar_subquery(),
    )
    .order_by(RetryAttempt.due_at)
    .limit(bindparam("limit"))
    # Several processes on PostgreSQL share a queue; SQLite has one writer anyway.
    .with_for_update(skip_locked=True)
    .cte("due")
)
_CLAIM = (
    update(RetryAttempt)
    # That they are scheduled is asked above, in the same statement and under lock;
    # asked here again, SQLite would walk along all that is scheduled.
    .where(RetryAttempt.id.in_(select(_DUE.c.id)))
    .values(status=AttemptStatus.RUNNING, started_at=_NOW, asked=RetryAttempt.asked + 1)
    .returning(RetryAttempt.id)
    .execution_options(synchronize_session=False)
)


def may_be_charged(session: Session, claim: Claim) -> bool:
    """Whether the claim still stands, nobody ended its recovery, and the switch is on.

    Asked right before the charge: what a person did since the claim counts.
    """
    asked = {
        "attempt_id": claim.attempt_id,
        "asked": claim.asked,
        "started_at": claim.started_at,
    }
    return session.scalar(_MAY_BE_CHARGED, asked) is not None


# Built once: it is asked before every single charge.
_MAY_BE_CHARGED = (
    select(RetryAttempt.id)
    .join(Recovery, Recovery.id == RetryAttempt.recovery_id)
    .join(StripeAccount, StripeAccount.id == RetryAttempt.account_id)
    .where(
        RetryAttempt.id == bindparam("attempt_id"),
        RetryAttempt.status == AttemptStatus.RUNNING,
        RetryAttempt.asked == bindparam("asked"),
        RetryAttempt.started_at == bindparam("started_at"),
        Recovery.status == RecoveryStatus.IN_RETRY,
        StripeAccount.is_on,
        StripeAccount.status == ConnectionStatus.CONNECTED,
        StripeAccount.restored_at.is_(None),
    )
)


def unfinished(
    session: Session, *, asked_before: datetime, claimed_before: datetime, limit: int
) -> list[Claim]:
    """Attempts whose answer is missing: unknown ones, and running ones that are old.

    Of accounts that can be asked: the others' would stand before them for ever.
    """
    unknown = (RetryAttempt.status == AttemptStatus.UNKNOWN) & (
        RetryAttempt.started_at <= asked_before
    )
    old = (RetryAttempt.status == AttemptStatus.RUNNING) & (
        RetryAttempt.started_at < claimed_before
    )
    rows = session.execute(
        _CLAIMS.join(StripeAccount, StripeAccount.id == RetryAttempt.account_id)
        .where(
            is_one_of(RetryAttempt.status, UNFINISHED_WORDS),
            unknown | old,
            StripeAccount.status == ConnectionStatus.CONNECTED,
        )
        .order_by(RetryAttempt.started_at)
        .limit(limit)
    )
    return [Claim(*row) for row in rows]


def _claims(session: Session, attempt_ids: list[int]) -> list[Claim]:
    rows = session.execute(_THESE_CLAIMS, {"ids": padded(attempt_ids, 0)})
    return [Claim(*row) for row in rows]


_CLAIMS = select(
    RetryAttempt.id,
    RetryAttempt.account_id,
    RetryAttempt.recovery_id,
    Recovery.stripe_invoice_id,
    RetryAttempt.idempotency_key,
    Recovery.stripe_latest_charge_id,
    Recovery.deadline_at,
    func.coalesce(RetryAttempt.started_at, RetryAttempt.due_at),
    RetryAttempt.asked,
).join(Recovery, Recovery.id == RetryAttempt.recovery_id)
_THESE_CLAIMS = _CLAIMS.where(
    RetryAttempt.id.in_(bindparam("ids", expanding=True))
).order_by(RetryAttempt.due_at)


def live_attempt(session: Session, recovery_id: int) -> RetryAttempt | None:
    """The recovery's one attempt that is planned, running or without its answer."""
    return session.scalar(_LIVE, {"of_recovery": recovery_id})


def live_attempt_seen(session: Session, recovery_id: int) -> RetryAttempt | None:
    """The same without taking it for oneself: for pages, whose sessions cannot."""
    return session.scalar(_LIVE_SEEN, {"of_recovery": recovery_id})


def is_under_way(session: Session, recovery_id: int) -> bool:
    """Whether its live attempt has been claimed: Stripe may be charging."""
    attempt = live_attempt(session, recovery_id)
    return attempt is not None and attempt.status is not AttemptStatus.SCHEDULED


_LIVE_SEEN = (
    select(RetryAttempt)
    .where(
        RetryAttempt.recovery_id == bindparam("of_recovery"),
        RetryAttempt.status.in_(LIVE_WORDS),
    )
    .execution_options(populate_existing=True)
)
_LIVE = _LIVE_SEEN.with_for_update()


def withdraw(session: Session, recovery_id: int, reason: str, *, now: datetime) -> bool:
    """Cancel the planned attempt unless it has been claimed; True when it was there."""
    said = {"of_recovery": recovery_id, "at": now, "why": reason}
    return session.execute(_WITHDRAW, said).first() is not None


# Found by the index of live attempts: asked for the status alone, SQLite walks along
# all that is scheduled (measured: 20 ms where 50,000 are). Every refusal asks: built
# once.
_WITHDRAW = (
    update(RetryAttempt)
    .where(
        RetryAttempt.id
        == select(RetryAttempt.id)
        .where(
            RetryAttempt.recovery_id == bindparam("of_recovery"),
            is_one_of(RetryAttempt.status, LIVE_WORDS),
        )
        .scalar_subquery(),
        RetryAttempt.status == AttemptStatus.SCHEDULED,
    )
    .values(
        status=AttemptStatus.CANCELED,
        finished_at=bindparam("at", type_=RetryAttempt.finished_at.type),
        outcome=bindparam("why"),
    )
    .returning(RetryAttempt.id)
)
