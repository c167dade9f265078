"""Taking rows for oneself, always in one order: subscriptions, recoveries, attempts,
each by id. Whoever locks in another order can wait for somebody who waits for him.

SQLite has one writer and needs no locks; there these are plain reads.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import BindParameter, bindparam, select
from sqlalchemy.orm import Session, load_only

from app.storage.models import Recovery, RetryAttempt, Subscription
from app.storage.spelled import padded

# What retries read and write; the others are read when somebody asks for them.
SUBSCRIPTION_COLUMNS = (
    Subscription.lifecycle,
    Subscription.status,
    Subscription.interval,
    Subscription.created_at,
    Subscription.cancel_at,
    Subscription.customer_country,
    Subscription.customer_timezone,
    Subscription.declines,
    Subscription.last_declined_at,
    Subscription.attempts,
    Subscription.next_retry_at,
    Subscription.recovered_amount,
)
# Not why it was planned: that is for people and for learning, not for recording.
ATTEMPT_COLUMNS = (
    RetryAttempt.recovery_id,
    RetryAttempt.number,
    RetryAttempt.status,
    RetryAttempt.due_at,
    RetryAttempt.started_at,
    RetryAttempt.asked,
)

# Built once: every look and every recorded charge locks.
_IDS: BindParameter[int] = bindparam("ids", expanding=True)
_SUBSCRIPTIONS = (
    select(Subscription)
    .where(
        Subscription.id.in_(
            select(Recovery.subscription_id).where(Recovery.id.in_(_IDS))
        )
    )
    .order_by(Subscription.id)
    .options(load_only(*SUBSCRIPTION_COLUMNS))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_RECOVERIES = (
    select(Recovery)
    .where(Recovery.id.in_(_IDS))
    .order_by(Recovery.id)
    .with_for_update()
    .execution_options(populate_existing=True)
)
_ATTEMPTS = (
    select(RetryAttempt)
    .where(RetryAttempt.id.in_(_IDS))
    .order_by(RetryAttempt.id)
    .options(load_only(*ATTEMPT_COLUMNS))
    .with_for_update()
    .execution_options(populate_existing=True)
)


def lock_recoveries(session: Session, ids: Iterable[int]) -> Sequence[Recovery]:
    """These recoveries and their subscriptions, as they are now, for nobody else to
    change before the transaction ends; in the order of their ids."""
    wanted = {"ids": padded(sorted(set(ids)), 0)}
    subscriptions = session.scalars(_SUBSCRIPTIONS, wanted).all()
    # The session itself forgets rows that nobody holds, and would read them again.
    session.info.setdefault("locked", []).append(subscriptions)
    return session.scalars(_RECOVERIES, wanted).all()


def lock_recovery(session: Session, id: int) -> Recovery | None:
    """The same for one; None when there is no such recovery."""
    return next(iter(lock_recoveries(session, [id])), None)


def lock_attempts(session: Session, ids: Iterable[int]) -> dict[int, RetryAttempt]:
    """These attempts by their ids; their recoveries have to be locked before."""
    attempts = session.scalars(_ATTEMPTS, {"ids": padded(sorted(set(ids)), 0)})
    return {attempt.id: attempt for attempt in attempts}
