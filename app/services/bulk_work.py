"""The work of bulk actions, a few rows in each transaction.

Every step takes the job's row first, so two processes never do one job at once; what
is done is marked in the same transaction, so nothing is done twice, and after a
restart it goes on where it stood. Charges are brought forward, never made, here: at
most some in one go, so that the engine, not this, sets the pace.
"""

import logging
import time
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.domain.account import ConnectionStatus
from app.domain.bulk import BulkAction, BulkStatus, ItemState
from app.domain.people import Role
from app.domain.recovery import PauseCause
from app.services import fees, recoveries
from app.services.overtaking import Seen, seen_now
from app.services.refusals import ActionRefused, Overtaken
from app.storage import bulk_reads
from app.storage.bulk_models import BulkItem, BulkJob
from app.storage.locks import lock_recoveries
from app.storage.models import Recovery, User
from app.storage.transaction import reading, transaction

log = logging.getLogger(__name__)

# Rows in one transaction: SQLite has one writer, and webhooks wait for it.
AT_ONCE = 10
# Charges brought forward in one go; the next comes some seconds later.
RETRIES_IN_ONE_GO = 25
RUN_FOR = 3.0  # seconds of work in one go
NOT_DONE_YET = (ItemState.UNCHECKED, ItemState.READY)
FORGET_AFTER = timedelta(days=1)
BROKEN = "It could not be done; the log has the fault."


def go_on(*, now: datetime) -> None:
    """Some work on every job there is, oldest first; forget old proposals."""
    with reading() as session:
        job_ids = bulk_reads.at_work(session)
        forgotten = bulk_reads.never_confirmed(session, before=now - FORGET_AFTER)
    for job_id in job_ids:
        work_on(job_id, now=now, seconds=RUN_FOR / len(job_ids))
    if forgotten:
        _forget(forgotten)


def work_on(job_id: int, *, now: datetime, seconds: float) -> None:
    """Check or do some of the job's rows, for so long at most."""
    stop_at = time.monotonic() + seconds
    retries = RETRIES_IN_ONE_GO
    while True:
        status, action = _stands(job_id)
        if status is BulkStatus.CHECKING:
            _check_some(job_id, now=now)
        elif status is BulkStatus.RUNNING and retries > 0:
            _do_some(job_id, now=now)
            retries -= AT_ONCE if action is BulkAction.RETRY else 0
        else:
            return
        if time.monotonic() > stop_at:
            return


def _stands(job_id: int) -> tuple[BulkStatus, BulkAction]:
    with reading() as session:
        job = session.get_one(BulkJob, job_id)
        return job.status, job.action


def _check_some(job_id: int, *, now: datetime) -> None:
    """Say of some rows what the action would do, without doing it."""
    with transaction() as session:
        job = session.get_one(BulkJob, job_id, with_for_update=True)
        if job.status is not BulkStatus.CHECKING:
            return
        ids = bulk_reads.items_in(session, job_id, ItemState.UNCHECKED, AT_ONCE)
        if not ids:
            job.status = BulkStatus.PROPOSED
            return
        items = [session.get_one(BulkItem, item_id) for item_id in ids]
        # What is looked at may lock their attempts: after the recoveries, as always.
        lock_recoveries(session, [item.recovery_id for item in items])
        for item in items:
            _check(session, job, item, now=now)


def _check(session: Session, job: BulkJob, item: BulkItem, *, now: datetime) -> None:
    try:
        item.seen = str(seen_now(session, item.recovery))
        item.fee = _ask(session, job.action, item.recovery, now=now)
    except ActionRefused as refusal:
        item.state, item.note = ItemState.SKIPPED, str(refusal)
    except Exception:
        # One strange row must not keep the others from being shown.
        log.exception("recovery %s could not be checked", item.recovery_id)
        item.state, item.note = ItemState.SKIPPED, BROKEN
    else:
        item.state = ItemState.READY


def _ask(
    session: Session, action: BulkAction, recovery: Recovery, *, now: datetime
) -> int | None:
    """Raise ActionRefused where the action would be; what a charge would be billed."""
    match action:
        case BulkAction.PAUSE:
            recoveries.refuse_pause(session, recovery)
        case BulkAction.RESUME:
            recoveries.refuse_resume(session, recovery)
        case BulkAction.STOP:
            recoveries.refuse_stop(recovery)
        case BulkAction.RETRY:
            _refuse_in_bulk(recovery)
            recoveries.refuse_retry(session, recovery, now=now)
            fee = fees.fee_now(session, recovery, now=now)
            return fee.amount if fee else 0
    return None


def _refuse_in_bulk(recovery: Recovery) -> None:
    """What one may retry by itself, and nobody means who retries a whole list."""
    account = recovery.account
    if not account.is_on or account.status is not ConnectionStatus.CONNECTED:
        raise ActionRefused("Retries of its account are switched off, or cannot be.")
    if recovery.paused_because is PauseCause.PERSON:
        raise ActionRefused(f"It has to be resumed first. {recovery.status_reason}")


def _do_some(job_id: int, *, now: datetime) -> None:
    """Do some of the rows; where one of them breaks, one after the other."""
    try:
        _do(job_id, AT_ONCE, now=now)
    except Exception:
        log.exception("some of bulk action %s failed; it goes on one by one", job_id)
        for _ in range(AT_ONCE):
            _do_one(job_id, now=now)


def _do_one(job_id: int, *, now: datetime) -> None:
    try:
        _do(job_id, 1, now=now)
    except Exception:
        log.exception("a row of bulk action %s failed; it is left out", job_id)
        with transaction() as session:
            session.get_one(BulkJob, job_id, with_for_update=True)
            for item_id in bulk_reads.items_in(session, job_id, ItemState.READY, 1):
                item = session.get_one(BulkItem, item_id)
                item.state, item.note, item.done_at = ItemState.SKIPPED, BROKEN, now


def _do(job_id: int, most: int, *, now: datetime) -> None:
    with transaction() as session:
        job = session.get_one(BulkJob, job_id, with_for_update=True)
        if job.status is not BulkStatus.RUNNING:
            return
        ids = bulk_reads.items_in(session, job_id, ItemState.READY, most)
        if not ids:
            job.status, job.finished_at = BulkStatus.FINISHED, now
            return
        may = _may_act(session.get_one(User, job.user_id))
        items = [session.get_one(BulkItem, item_id) for item_id in ids]
        # All of them before the first, in the order in which everybody locks.
        lock_recoveries(session, [item.recovery_id for item in items])
        for item in items:
            _act_on(session, job, item, may=may, now=now)


def _act_on(
    session: Session, job: BulkJob, item: BulkItem, *, may: bool, now: datetime
) -> None:
    """Do it to one row and mark it, or mark why not."""
    try:
        if not may:
            raise ActionRefused("Whoever confirmed this may not act any more.")
        _act(session, job, item, now=now)
    except ActionRefused as refusal:
        item.state, item.note = ItemState.SKIPPED, _why(refusal)
    else:
        item.state = ItemState.DONE
    item.done_at = now


def _act(session: Session, job: BulkJob, item: BulkItem, *, now: datetime) -> None:
    seen = Seen.read(item.seen or "")
    who, recovery_id = job.user_id, item.recovery_id
    match job.action:
        case BulkAction.PAUSE:
            recoveries.pause_in(session, recovery_id, user_id=who, now=now, seen=seen)
        case BulkAction.RESUME:
            recoveries.resume_in(session, recovery_id, user_id=who, now=now, seen=seen)
        case BulkAction.STOP:
            recoveries.stop_in(
                session,
                recovery_id,
                user_id=who,
                reason=job.reason,
                now=now,
                seen=seen,
            )
        case BulkAction.RETRY:
            _refuse_in_bulk(item.recovery)
            recoveries.bring_forward_in(
                session, recovery_id, user_id=who, now=now, seen=seen
            )


def _may_act(user: User) -> bool:
    return user.removed_at is None and user.role.may(Role.STAFF)


def _why(refusal: ActionRefused) -> str:
    done = refusal.done if isinstance(refusal, Overtaken) else ()
    return " ".join([str(refusal), *(f"{each.who}: {each.detail}" for each in done)])


def _forget(job_ids: list[int]) -> None:
    with transaction() as session:
        items = BulkItem.job_id.in_(job_ids)
        session.execute(delete(BulkItem).where(items))
        session.execute(delete(BulkJob).where(BulkJob.id.in_(job_ids)))
