"""Bulk actions: nothing before they are confirmed, all of it once, in small steps."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.domain.account import ConnectionStatus
from app.domain.bulk import MOST_AT_ONCE, BulkAction, BulkStatus, ItemState
from app.domain.people import Role
from app.domain.recovery import AttemptStatus, PauseCause, RecoveryStatus
from app.services import bulk, bulk_work, recoveries
from app.services.bulk import BulkRefused, Chosen
from app.storage import bulk_reads
from app.storage.bulk_models import BulkItem, BulkJob
from app.storage.listings.subscriptions import SubscriptionFilter
from app.storage.models import AuditEntry, Recovery, RetryAttempt, User
from app.storage.transaction import reading, transaction
from tests.builders import (
    a_account,
    a_recovery,
    a_subscription,
    an_attempt,
)
from tests.conftest import MONDAY, a_user

ALL = Chosen(SubscriptionFilter(), "")
PAUSED: dict[str, Any] = {
    "status": RecoveryStatus.PAUSED,
    "paused_because": PauseCause.PERSON,
    "status_reason": "Paused by Ann.",
}


def _propose(
    action: BulkAction, user: User, chosen: Chosen = ALL, *, is_checked: bool = True
) -> int:
    job_id = bulk.propose(action, chosen, user_id=user.id, now=MONDAY)
    if is_checked:
        bulk_work.work_on(job_id, now=MONDAY, seconds=60)
    return job_id


def _confirm(job_id: int, user: User, reason: str = "") -> None:
    bulk.confirm(job_id, reason=reason, user_id=user.id, now=MONDAY)


def _work(job_id: int) -> None:
    bulk_work.work_on(job_id, now=MONDAY, seconds=60)


def _job(job_id: int) -> BulkJob:
    with reading() as session:
        return session.get_one(BulkJob, job_id)


def _counts(job_id: int) -> dict[ItemState, int]:
    with reading() as session:
        return bulk_reads.counts(session, job_id)


def _notes(job_id: int) -> dict[int, str]:
    with reading() as session:
        items = session.scalars(select(BulkItem).where(BulkItem.job_id == job_id))
        return {item.recovery_id: item.note for item in items}


def _statuses() -> list[RecoveryStatus]:
    with reading() as session:
        return list(session.scalars(select(Recovery.status).order_by(Recovery.id)))


def _done(action: str) -> list[int]:
    """The recoveries that the audit trail says it was done to, once for each time."""
    with reading() as session:
        return list(
            session.scalars(
                select(AuditEntry.recovery_id)
                .where(AuditEntry.action == action)
                .order_by(AuditEntry.recovery_id)
            )
        )


def test_a_preview_says_what_would_happen_and_changes_nothing(app: Flask) -> None:
    user = a_user()
    plain, charging, paused = a_recovery(), a_recovery(), a_recovery(**PAUSED)
    an_attempt(recovery_id=charging.id, status=AttemptStatus.RUNNING, started_at=MONDAY)
    a_recovery(status=RecoveryStatus.RECOVERED, ended_at=MONDAY)
    job_id = _propose(BulkAction.PAUSE, user)
    assert _job(job_id).status is BulkStatus.PROPOSED
    assert _counts(job_id) == {ItemState.READY: 1, ItemState.SKIPPED: 2}
    notes = _notes(job_id)
    assert notes[plain.id] == ""
    assert notes[charging.id] == "A charge is under way at this moment."
    assert notes[paused.id] == "Paused by Ann."
    assert _statuses().count(RecoveryStatus.PAUSED) == 1
    assert _done("recovery.pause") == []


@pytest.mark.parametrize(
    ("action", "before", "after", "trail"),
    [
        (BulkAction.PAUSE, {}, RecoveryStatus.PAUSED, "recovery.pause"),
        (BulkAction.STOP, {}, RecoveryStatus.STOPPED, "recovery.stop"),
        (BulkAction.RESUME, PAUSED, RecoveryStatus.IN_RETRY, "recovery.resume"),
        (BulkAction.RETRY, {}, RecoveryStatus.IN_RETRY, "recovery.retry_now"),
    ],
)
def test_what_is_confirmed_is_done_to_each_once_and_in_the_audit_trail(
    app: Flask,
    action: BulkAction,
    before: dict[str, Any],
    after: RecoveryStatus,
    trail: str,
) -> None:
    user = a_user(Role.STAFF)
    made = [a_recovery(**before).id for _ in range(12)]
    job_id = _propose(action, user)
    _confirm(job_id, user)
    _confirm(job_id, user)  # the form sent twice
    _work(job_id)
    _work(job_id)
    assert _job(job_id).status is BulkStatus.FINISHED
    assert _counts(job_id) == {ItemState.DONE: 12}
    assert _statuses() == [after] * 12
    assert _done(trail) == made
    assert len(_done(f"bulk.{action}")) == 1


def test_a_stop_says_why_in_the_history_of_each(app: Flask) -> None:
    user = a_user(name="Ann")
    a_recovery()
    job_id = _propose(BulkAction.STOP, user)
    _confirm(job_id, user, "the plan was withdrawn")
    _work(job_id)
    with reading() as session:
        assert session.scalars(select(Recovery.status_reason)).all() == [
            "Stopped by Ann: the plan was withdrawn"
        ]


def test_who_was_quicker_is_told_and_not_overruled(app: Flask) -> None:
    ann, ben = a_user(name="Ann"), a_user(name="Ben", email="ben@example.com")
    first, second = a_recovery(), a_recovery()
    job_id = _propose(BulkAction.PAUSE, ann)
    recoveries.stop(first.id, user_id=ben.id, reason="moved away", now=MONDAY)
    _confirm(job_id, ann)
    _work(job_id)
    assert _statuses() == [RecoveryStatus.STOPPED, RecoveryStatus.PAUSED]
    note = _notes(job_id)[first.id]
    assert "Somebody was quicker" in note
    assert "Ben: Stopped by Ben: moved away" in note
    assert _notes(job_id)[second.id] == ""


def test_a_charge_that_began_meanwhile_is_left_alone(app: Flask) -> None:
    user = a_user()
    recovery = a_recovery()
    job_id = _propose(BulkAction.RETRY, user)
    an_attempt(recovery_id=recovery.id, status=AttemptStatus.RUNNING, started_at=MONDAY)
    _confirm(job_id, user)
    _work(job_id)
    assert _counts(job_id) == {ItemState.SKIPPED: 1}
    assert _done("recovery.retry_now") == []


def test_only_its_maker_confirms_and_anybody_calls_it_off(app: Flask) -> None:
    ann, ben = a_user(name="Ann"), a_user(name="Ben", email="ben@example.com")
    for _ in range(3):
        a_recovery()
    job_id = _propose(BulkAction.STOP, ann)
    with pytest.raises(BulkRefused, match="Only Ann"):
        _confirm(job_id, ben)
    _confirm(job_id, ann)
    bulk_work._do(job_id, 1, now=MONDAY)
    bulk.cancel(job_id, user_id=ben.id, now=MONDAY)
    _work(job_id)
    assert _counts(job_id) == {ItemState.DONE: 1, ItemState.SKIPPED: 2}
    assert _job(job_id).note == "Called off by Ben."
    with pytest.raises(BulkRefused, match="nothing left"):
        bulk.cancel(job_id, user_id=ben.id, now=MONDAY)
    with pytest.raises(BulkRefused, match="called off"):
        _confirm(job_id, ann)


def test_it_goes_on_where_it_stood_after_a_restart(app: Flask) -> None:
    user = a_user()
    made = [a_recovery().id for _ in range(25)]
    job_id = _propose(BulkAction.PAUSE, user, is_checked=False)
    bulk_work.work_on(job_id, now=MONDAY, seconds=0)  # the process ends
    assert _counts(job_id)[ItemState.READY] == bulk_work.AT_ONCE
    with pytest.raises(BulkRefused, match="still being checked"):
        _confirm(job_id, user)
    bulk_work.go_on(now=MONDAY)
    _confirm(job_id, user)
    bulk_work.work_on(job_id, now=MONDAY, seconds=0)
    assert _counts(job_id)[ItemState.DONE] == bulk_work.AT_ONCE
    bulk_work.go_on(now=MONDAY)
    assert _counts(job_id) == {ItemState.DONE: 25}
    assert _done("recovery.pause") == made


def test_two_processes_at_once_do_each_row_once(app: Flask) -> None:
    user = a_user()
    made = [a_recovery().id for _ in range(40)]
    job_id = _propose(BulkAction.PAUSE, user)
    _confirm(job_id, user)

    def work() -> None:
        with app.app_context():
            _work(job_id)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _counts(job_id) == {ItemState.DONE: 40}
    assert _done("recovery.pause") == made


def test_charges_are_brought_forward_a_few_at_a_time(app: Flask) -> None:
    user = a_user()
    for _ in range(40):
        a_recovery()
    job_id = _propose(BulkAction.RETRY, user)
    _confirm(job_id, user)
    bulk_work.go_on(now=MONDAY)
    most = bulk_work.RETRIES_IN_ONE_GO + bulk_work.AT_ONCE
    assert 0 < len(_due()) <= most
    bulk_work.go_on(now=MONDAY)
    assert len(_due()) == 40


def _due() -> list[int]:
    with reading() as session:
        planned = RetryAttempt.status == AttemptStatus.SCHEDULED
        return list(
            session.scalars(
                select(RetryAttempt.id).where(planned, RetryAttempt.due_at <= MONDAY)
            )
        )


def test_retrying_a_list_leaves_out_what_a_person_paused_and_what_is_switched_off(
    app: Flask,
) -> None:
    user = a_user()
    paused = a_recovery(account_id=a_account().id, **PAUSED)
    off = a_account(is_on=False)
    gone = a_account(status=ConnectionStatus.TROUBLE)
    for account in (off, gone):
        a_recovery(account_id=account.id)
    job_id = _propose(BulkAction.RETRY, user)
    assert _counts(job_id) == {ItemState.SKIPPED: 3}
    assert "has to be resumed first" in _notes(job_id)[paused.id]


def test_resuming_takes_only_what_a_person_paused(app: Flask) -> None:
    a_recovery()
    a_recovery(status=RecoveryStatus.PAUSED, paused_because=PauseCause.STRIPE_RETRIES)
    a_recovery(status=RecoveryStatus.STOPPED, ended_at=MONDAY)
    mine = a_recovery(**PAUSED)
    job_id = _propose(BulkAction.RESUME, a_user())
    assert list(_notes(job_id)) == [mine.id]


def test_ticked_rows_are_taken_and_no_others(app: Flask) -> None:
    meant, without = a_recovery(), a_subscription()
    a_recovery()
    assert meant.subscription_id
    ids = frozenset({meant.subscription_id, without.id})
    chosen = Chosen(SubscriptionFilter(), "", ids)
    job_id = _propose(BulkAction.PAUSE, a_user(), chosen)
    assert list(_notes(job_id)) == [meant.id]
    assert _job(job_id).without == 1


def test_nobody_reaches_an_account_out_of_sight(app: Flask) -> None:
    mine, other = a_account(), a_account()
    hidden = a_recovery(account_id=other.id)
    seen = SubscriptionFilter(accounts=frozenset({mine.id}))
    assert hidden.subscription_id
    user = a_user()
    for ids in (None, frozenset({hidden.subscription_id})):
        job_id = _propose(BulkAction.STOP, user, Chosen(seen, "", ids))
        assert _counts(job_id) == {}


def test_a_huge_choice_is_cut_and_says_so(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MOST_AT_ONCE, BulkAction.PAUSE, 3)
    for _ in range(5):
        a_recovery()
    job_id = _propose(BulkAction.PAUSE, a_user())
    assert _job(job_id).is_cut
    assert sum(_counts(job_id).values()) == 3


def test_a_row_that_breaks_does_not_hold_up_the_others(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = a_user()
    made = [a_recovery().id for _ in range(12)]
    job_id = _propose(BulkAction.PAUSE, user)
    _confirm(job_id, user)
    pause_in = recoveries.pause_in

    def breaking(session: Any, recovery_id: int, **told: Any) -> None:
        pause_in(session, recovery_id, **told)
        if recovery_id == made[4]:
            raise RuntimeError("a fault of ours")

    monkeypatch.setattr(recoveries, "pause_in", breaking)
    _work(job_id)
    assert _counts(job_id) == {ItemState.DONE: 11, ItemState.SKIPPED: 1}
    assert _notes(job_id)[made[4]] == bulk_work.BROKEN
    assert _done("recovery.pause") == [id for id in made if id != made[4]]


def test_who_may_not_act_any_more_acts_no_more(app: Flask) -> None:
    user = a_user(Role.STAFF)
    a_recovery()
    job_id = _propose(BulkAction.STOP, user)
    _confirm(job_id, user)
    with transaction() as session:
        session.get_one(User, user.id).role = Role.VIEWER
    _work(job_id)
    assert _statuses() == [RecoveryStatus.IN_RETRY]
    assert "may not act any more" in next(iter(_notes(job_id).values()))


def test_an_old_preview_is_refused_and_forgotten_at_last(app: Flask) -> None:
    user = a_user()
    a_recovery()
    job_id = _propose(BulkAction.STOP, user)
    late = MONDAY + timedelta(hours=2)
    with pytest.raises(BulkRefused, match="older than an hour"):
        bulk.confirm(job_id, reason="", user_id=user.id, now=late)
    bulk_work.go_on(now=MONDAY + timedelta(days=2))
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(BulkItem)) == 0
        assert session.get(BulkJob, job_id) is None
