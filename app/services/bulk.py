"""Bulk actions, as people ask for them: chosen, shown, confirmed, called off.

What is chosen becomes rows at once; the rest is done by services.bulk_work, a few
rows at a time. A job is confirmed once: its status says so, whoever sends the form.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from app.domain.bulk import MOST_AT_ONCE, BulkAction, BulkStatus, ItemState
from app.services.audit import note
from app.services.bulk_work import NOT_DONE_YET
from app.storage import bulk_reads
from app.storage.bulk_models import BulkItem, BulkJob
from app.storage.listings.subscriptions import SubscriptionFilter
from app.storage.models import User
from app.storage.transaction import reading, transaction

# What a preview showed is no ground for acting on the next day.
PROPOSAL_LIVES = timedelta(hours=1)
LONGEST_REASON = 500


class BulkRefused(Exception):
    """Nothing was changed; the text says why, for the person who asked."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person chose: all that the filter shows, or some of it by `ids`."""

    wanted: SubscriptionFilter
    query: str
    ids: frozenset[int] | None = None


def propose(action: BulkAction, chosen: Chosen, *, user_id: int, now: datetime) -> int:
    """A job of what was chosen, still to be checked and confirmed; its id."""
    most = MOST_AT_ONCE[action]
    with reading() as session:
        found = bulk_reads.meant(
            session, action, chosen.wanted, ids=chosen.ids, most=most + 1
        )
    with_one = len({subscription for _, subscription in found})
    with transaction() as session:
        job = BulkJob(
            user_id=user_id,
            action=action,
            status=BulkStatus.CHECKING,
            query=chosen.query,
            is_cut=len(found) > most,
            without=0 if chosen.ids is None else len(chosen.ids) - with_one,
            made_at=now,
        )
        session.add(job)
        session.flush()
        _add_items(session, job.id, [recovery for recovery, _ in found[:most]])
        return job.id


def confirm(job_id: int, *, reason: str, user_id: int, now: datetime) -> None:
    """Let the work begin. Sent twice, it begins once. Raises BulkRefused."""
    with transaction() as session:
        job = _locked(session, job_id)
        if job.user_id != user_id:
            raise BulkRefused(f"Only {job.user.called}, who chose these, may confirm.")
        if job.status in (BulkStatus.RUNNING, BulkStatus.FINISHED):
            return  # the form was sent twice
        if job.status is BulkStatus.CHECKING:
            raise BulkRefused("It is still being checked what this would do.")
        if job.status is BulkStatus.CANCELED:
            raise BulkRefused(f"This was called off. {job.note}")
        if now - job.made_at > PROPOSAL_LIVES:
            raise BulkRefused("This preview is older than an hour: make a new one.")
        job.status, job.started_at = BulkStatus.RUNNING, now
        job.reason = reason[:LONGEST_REASON]
        ready = bulk_reads.counts(session, job_id).get(ItemState.READY, 0)
        note(
            session,
            f"bulk.{job.action}",
            user_id=user_id,
            now=now,
            detail=f"{ready} recoveries, bulk action {job.id}. {job.reason}".strip(),
        )


def cancel(job_id: int, *, user_id: int, now: datetime) -> None:
    """Do no more of it; what is done stays done. Raises BulkRefused."""
    with transaction() as session:
        job = _locked(session, job_id)
        if job.status in (BulkStatus.FINISHED, BulkStatus.CANCELED):
            raise BulkRefused("There is nothing left to call off.")
        was_running = job.status is BulkStatus.RUNNING
        who = session.get_one(User, user_id).called
        call_off(session, job, f"Called off by {who}.", now=now)
        if was_running:
            note(
                session,
                "bulk.cancel",
                user_id=user_id,
                now=now,
                detail=f"bulk action {job.id}",
            )


def call_off(session: Session, job: BulkJob, why: str, *, now: datetime) -> None:
    """Skip all that is not done yet, for this reason."""
    job.status, job.note, job.finished_at = BulkStatus.CANCELED, why, now
    session.execute(
        update(BulkItem)
        .where(BulkItem.job_id == job.id, BulkItem.state.in_(NOT_DONE_YET))
        .values(state=ItemState.SKIPPED, note=why)
    )


def _add_items(session: Session, job_id: int, ids: Collection[int]) -> None:
    if ids:
        rows = [
            {"job_id": job_id, "recovery_id": id, "state": ItemState.UNCHECKED}
            for id in ids
        ]
        session.execute(insert(BulkItem), rows)


def _locked(session: Session, job_id: int) -> BulkJob:
    """The job, for nobody else to change meanwhile."""
    return session.get_one(BulkJob, job_id, with_for_update=True)
