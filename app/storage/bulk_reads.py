"""Named reads of bulk actions: what is meant, how far they are, what became of each."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session, joinedload

from app.domain.bulk import BulkAction, BulkStatus, ItemState
from app.domain.recovery import PauseCause, RecoveryStatus
from app.storage.bulk_models import BulkItem, BulkJob
from app.storage.listings.keyset import Cursor, Order, Page, page_of, parts_of
from app.storage.listings.listing import Asked
from app.storage.listings.subscriptions import SubscriptionFilter, subscriptions_meant
from app.storage.models import OPEN_WORDS, Recovery, StripeAccount, Subscription
from app.storage.spelled import is_one_of, is_word

BY_ID = Order(BulkItem.id, BulkItem.id, falling=False)
MOST_REASONS = 20
MOST_JOBS = 50


def meant(
    session: Session,
    action: BulkAction,
    wanted: SubscriptionFilter,
    *,
    ids: Collection[int] | None,
    most: int,
) -> list[tuple[int, int]]:
    """Recovery and subscription ids that the action could be for, `most` of them: of
    the subscriptions that the filter shows, or of those `ids` among them."""
    dialect = session.get_bind().dialect.name
    statement = (
        select(Recovery.id, Subscription.id)
        .join(Subscription, Subscription.id == Recovery.subscription_id)
        .where(*subscriptions_meant(wanted, Asked(dialect, None)))
    )
    if action is BulkAction.RESUME:
        statement = statement.where(
            is_word(Recovery.status, RecoveryStatus.PAUSED),
            Recovery.paused_because == PauseCause.PERSON,
        )
    else:
        statement = statement.where(is_one_of(Recovery.status, OPEN_WORDS))
    if ids is not None:
        statement = statement.where(Subscription.id.in_(ids))
    found = session.execute(statement.limit(most)).all()
    return sorted((recovery, subscription) for recovery, subscription in found)


def job_by_id(session: Session, job_id: int) -> BulkJob | None:
    """The job with its maker."""
    return session.get(BulkJob, job_id, options=[joinedload(BulkJob.user)])


def at_work(session: Session) -> list[int]:
    """Ids of the jobs that there is something to do for, oldest first."""
    working = (BulkStatus.CHECKING, BulkStatus.RUNNING)
    return list(
        session.scalars(
            select(BulkJob.id)
            .where(BulkJob.status.in_(working))
            .order_by(BulkJob.made_at, BulkJob.id)
        )
    )


def never_confirmed(session: Session, *, before: datetime) -> list[int]:
    """Ids of the proposals made before then."""
    return list(
        session.scalars(
            select(BulkJob.id).where(
                BulkJob.status == BulkStatus.PROPOSED, BulkJob.made_at < before
            )
        )
    )


def latest(session: Session) -> Sequence[BulkJob]:
    """The jobs that were confirmed, the newest first."""
    return session.scalars(
        select(BulkJob)
        .where(BulkJob.started_at.is_not(None))
        .order_by(BulkJob.id.desc())
        .limit(MOST_JOBS)
        .options(joinedload(BulkJob.user))
    ).all()


def running_of_others(session: Session, user_id: int) -> Sequence[BulkJob]:
    """What other people's jobs are doing at this moment."""
    return session.scalars(
        select(BulkJob)
        .where(BulkJob.status == BulkStatus.RUNNING, BulkJob.user_id != user_id)
        .options(joinedload(BulkJob.user))
    ).all()


def items_in(session: Session, job_id: int, state: ItemState, most: int) -> list[int]:
    """Ids of some items of the job that are in this state."""
    return list(
        session.scalars(
            select(BulkItem.id)
            .where(BulkItem.job_id == job_id, BulkItem.state == state)
            .order_by(BulkItem.id)
            .limit(most)
        )
    )


def counts(session: Session, job_id: int) -> dict[ItemState, int]:
    """How many items are in which state; a job has few thousand at most."""
    rows = session.execute(
        select(BulkItem.state, func.count())
        .where(BulkItem.job_id == job_id)
        .group_by(BulkItem.state)
    )
    return {state: int(count) for state, count in rows}


def reasons(session: Session, job_id: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Why items are skipped, and how many for each reason."""
    count = func.count().label("items")
    return session.execute(
        select(BulkItem.note, count)
        .where(BulkItem.job_id == job_id, BulkItem.state == ItemState.SKIPPED)
        .group_by(BulkItem.note)
        .order_by(count.desc(), BulkItem.note)
        .limit(MOST_REASONS)
    ).all()


def at_stake(session: Session, job_id: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """The invoices of what is not skipped, added up by currency."""
    return session.execute(
        select(Recovery.currency, func.sum(Recovery.amount).label("amount"))
        .join(BulkItem, BulkItem.recovery_id == Recovery.id)
        .where(BulkItem.job_id == job_id, BulkItem.state != ItemState.SKIPPED)
        .group_by(Recovery.currency)
        .order_by(Recovery.currency)
    ).all()


def expected_fees(session: Session, job_id: int) -> list[tuple[StripeAccount, int]]:
    """What the networks would bill for all that is ready, by account, in US cents."""
    sums = (
        select(Recovery.account_id, func.sum(BulkItem.fee).label("fee"))
        .join(BulkItem, BulkItem.recovery_id == Recovery.id)
        .where(BulkItem.job_id == job_id, BulkItem.state == ItemState.READY)
        .group_by(Recovery.account_id)
        .subquery()
    )
    rows = session.execute(
        select(StripeAccount, sums.c.fee)
        .join(sums, sums.c.account_id == StripeAccount.id)
        .order_by(StripeAccount.id)
    )
    return [(account, int(fee or 0)) for account, fee in rows]


def item_page(
    session: Session, job_id: int, *, cursor: Cursor | None, size: int
) -> Page:
    """The job's recoveries with their customers, in a fixed order."""
    statement: Select[*tuple[Any, ...]] = (
        select(
            BulkItem.id,
            BulkItem.state,
            BulkItem.note,
            BulkItem.recovery_id,
            Recovery.amount,
            Recovery.currency,
            Recovery.stripe_customer_id,
            Subscription.customer_name,
            Subscription.customer_email,
        )
        .join(Recovery, Recovery.id == BulkItem.recovery_id)
        .outerjoin(Subscription, Subscription.id == Recovery.subscription_id)
        .where(BulkItem.job_id == job_id)
    )
    parts = parts_of(statement, order=BY_ID, cursor=cursor, size=size)
    return page_of(session, parts, order=BY_ID, cursor=cursor, size=size)
