"""What time does to recoveries that nobody touches: windows end, accounts leave, and
what came due meanwhile is planned anew. In many short transactions."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from app.domain.account import ConnectionStatus
from app.domain.recovery import OPEN, AttemptStatus, ClosedAs, RecoveryStatus
from app.domain.standing import Judgment, Standing
from app.services.planning import plan
from app.services.verdicts import close, end
from app.storage.claims import is_under_way, live_attempt
from app.storage.locks import lock_recoveries
from app.storage.models import (
    OPEN_WORDS,
    UNFINISHED_WORDS,
    Recovery,
    RetryAttempt,
    StripeAccount,
)
from app.storage.spelled import is_one_of, is_word
from app.storage.transaction import reading, transaction

# Rows changed in one transaction: SQLite has one writer, and webhooks wait for it.
AT_ONCE = 50
RUN_FOR = 5.0  # seconds of such work in one go; the next tick goes on


def replan_missed(*, now: datetime) -> int:
    """Plan anew what came due while an account was switched off or in trouble; how
    many. It is not fired all at once: times are spread by the strategy.

    Goes on for some seconds at most; what is left is taken by the next call, and is
    never charged before.
    """

    def replan(session: Session, recovery: Recovery) -> None:
        attempt = live_attempt(session, recovery.id)
        if attempt is None or attempt.status is not AttemptStatus.SCHEDULED:
            return
        if plan(session, recovery, now=now) is None:
            recovery.look_again = True  # a person's wish, without any refusal

    with reading() as session:
        accounts = session.execute(
            select(StripeAccount.id, StripeAccount.charges_from).where(
                StripeAccount.is_on,
                StripeAccount.status == ConnectionStatus.CONNECTED,
                StripeAccount.charges_from <= now,
            )
        ).all()
    return sum(
        _in_turns(
            select(RetryAttempt.recovery_id).where(
                is_word(RetryAttempt.status, AttemptStatus.SCHEDULED),
                RetryAttempt.account_id == account_id,
                RetryAttempt.due_at < charges_from,
            ),
            replan,
        )
        for account_id, charges_from in accounts
    )


def close_all(account_id: int, *, now: datetime) -> int:
    """Close every open recovery of an account that has left; how many.

    Charges under way are recorded as they fall. What a crash leaves open is closed by
    the next `sweep`.
    """
    mine = (
        select(Recovery.id)
        .join(StripeAccount, StripeAccount.id == Recovery.account_id)
        .where(
            # Whoever connects again meanwhile keeps what is open then.
            StripeAccount.status == ConnectionStatus.DISCONNECTED,
            Recovery.account_id == account_id,
            is_one_of(Recovery.status, OPEN_WORDS),
        )
    )
    return _in_turns(mine, partial(_close_left, now=now), to_the_end=True)


def _close_left(session: Session, recovery: Recovery, *, now: datetime) -> None:
    account = recovery.account
    if account.status is not ConnectionStatus.DISCONNECTED:
        return
    reason = "the Stripe account was disconnected"
    if account.trouble:  # only they leave a sentence behind
        reason = "access was withdrawn at Stripe"
    verdict = Judgment(Standing.OVER, reason, ClosedAs.DISCONNECTED)
    close(session, recovery, verdict, now=now)


def sweep(*, now: datetime) -> int:
    """End the open recoveries whose window is over, or whose account has left; how
    many.

    Not those with a charge under way: its answer comes first.
    """

    def terminate(session: Session, recovery: Recovery) -> None:
        if recovery.status in OPEN and not is_under_way(session, recovery.id):
            text = f"The time for retries is over. Last: {recovery.status_reason}"
            end(session, recovery, RecoveryStatus.TERMINATED, text, now=now)

    with reading() as session:
        accounts = session.execute(select(StripeAccount.id, StripeAccount.status)).all()
    left = [id for id, status in accounts if status is ConnectionStatus.DISCONNECTED]
    closed = sum(close_all(id, now=now) for id in left)
    return closed + sum(_in_turns(_over(id, now=now), terminate) for id, _ in accounts)


def _over(account_id: int, *, now: datetime) -> Select[int]:
    under_way = exists().where(
        RetryAttempt.recovery_id == Recovery.id,
        RetryAttempt.status.in_(UNFINISHED_WORDS),
    )
    return (
        select(Recovery.id)
        .where(
            is_one_of(Recovery.status, OPEN_WORDS),
            Recovery.account_id == account_id,
            Recovery.deadline_at < now,
            ~under_way,
        )
        .order_by(Recovery.deadline_at)
    )


def _in_turns(
    ids: Select[int],
    change: Callable[[Session, Recovery], None],
    *,
    to_the_end: bool = False,
) -> int:
    """Change the recoveries in many short transactions; how many were changed.

    `ids` must no longer find what was changed.
    """
    stop_at = time.monotonic() + RUN_FOR
    changed = 0
    while True:
        with reading() as session:
            some = list(session.scalars(ids.limit(AT_ONCE)))
        if not some:
            return changed
        with transaction() as session:
            for recovery in lock_recoveries(session, some):
                change(session, recovery)
        changed += len(some)
        if not to_the_end and time.monotonic() > stop_at:
            return changed
