"""Work on many recoveries is done in short turns, and two processes share it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from app import create_app
from app.config import Config
from app.domain.account import ConnectionStatus
from app.domain.recovery import AttemptStatus, ClosedAs, RecoveryStatus
from app.extensions import db
from app.services import sweeping
from app.storage.base import Base
from app.storage.claims import claim_due
from app.storage.models import Recovery, RetryAttempt, StripeAccount
from app.storage.transaction import reading, transaction
from tests.builders import a_account, a_decline, a_recovery, an_attempt
from tests.conftest import MONDAY, SetClock

MANY = sweeping.AT_ONCE * 2 + 10


def many(account: StripeAccount, **over: object) -> None:
    """So many declined renewals, each with a retry that is due on Monday."""
    for _ in range(MANY):
        recovery = a_recovery(account_id=account.id, **over)
        a_decline(
            recovery_id=recovery.id,
            account_id=account.id,
            occurred_at=MONDAY - timedelta(days=9),
        )
        an_attempt(recovery_id=recovery.id, account_id=account.id, due_at=MONDAY)


def how_many(table: type[Base], *conditions: object) -> int:
    with reading() as session:
        found = select(func.count()).select_from(table).where(*conditions)  # type: ignore[arg-type]
        return session.scalar(found) or 0


@contextmanager
def counted_commits() -> Iterator[list[int]]:
    """One entry for each transaction that was committed."""
    commits: list[int] = []

    def count(_: object) -> None:
        commits.append(1)

    engine = db.engines["writer"]
    event.listen(engine, "commit", count)
    yield commits
    event.remove(engine, "commit", count)


def test_a_window_that_closes_for_many_is_swept_in_turns(app: Flask) -> None:
    many(a_account())
    with counted_commits() as commits:
        assert sweeping.sweep(now=MONDAY + timedelta(days=29)) == MANY
    assert len(commits) == 3
    assert how_many(Recovery, Recovery.status == RecoveryStatus.TERMINATED) == MANY
    assert how_many(RetryAttempt, RetryAttempt.status == AttemptStatus.SCHEDULED) == 0


def test_leaving_closes_many_in_turns(app: Flask) -> None:
    account, other = a_account(status=ConnectionStatus.DISCONNECTED), a_account()
    many(account)
    stays = a_recovery(account_id=other.id)
    with counted_commits() as commits:
        assert sweeping.close_all(account.id, now=MONDAY) == MANY
    assert len(commits) == 3
    assert how_many(Recovery, Recovery.closed_as == ClosedAs.DISCONNECTED) == MANY
    with reading() as session:
        assert session.get_one(Recovery, stays.id).status is RecoveryStatus.IN_RETRY


def test_what_a_crash_left_open_when_leaving_is_closed_later(app: Flask) -> None:
    account = a_account(
        status=ConnectionStatus.DISCONNECTED, trouble="Access was withdrawn."
    )
    left = a_recovery(account_id=account.id)
    sweeping.sweep(now=MONDAY)
    with reading() as session:
        closed = session.get_one(Recovery, left.id)
    assert closed.closed_as is ClosedAs.DISCONNECTED
    assert closed.status_reason == "access was withdrawn at Stripe"


def test_what_many_missed_is_planned_anew_in_turns_and_never_fired_before(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_on = MONDAY + timedelta(hours=5)
    account = a_account(charges_from=back_on)
    many(account)
    monkeypatch.setattr(sweeping, "RUN_FOR", 0.0)  # one turn, as if it took long
    now = back_on + timedelta(minutes=1)
    turns = 0
    while (
        missed := how_many(
            RetryAttempt,
            RetryAttempt.status == AttemptStatus.SCHEDULED,
            RetryAttempt.due_at < back_on,
        )
    ) > 0:
        with transaction() as session:
            fired = claim_due(session, account_id=account.id, now=now, limit=MANY)
        assert not fired
        done = sweeping.replan_missed(now=now)
        assert done == min(missed, sweeping.AT_ONCE)
        turns += 1
    assert turns == 3
    planned = how_many(RetryAttempt, RetryAttempt.status == AttemptStatus.SCHEDULED)
    assert planned == MANY
    # Spread over the days that are left, not all at once.
    with reading() as session:
        days = session.scalars(
            select(RetryAttempt.due_at).where(
                RetryAttempt.status == AttemptStatus.SCHEDULED
            )
        )
        assert len({due.date() for due in days}) >= 3


def test_an_account_in_trouble_plans_nothing_yet(app: Flask) -> None:
    account = a_account(charges_from=MONDAY + timedelta(hours=5), is_on=False)
    an_attempt(account_id=account.id, due_at=MONDAY)
    assert sweeping.replan_missed(now=MONDAY + timedelta(hours=6)) == 0


def test_two_processes_never_claim_the_same_attempt(
    app: Flask, config: Config, clock: SetClock
) -> None:
    account = a_account()
    many(account)
    another = create_app(config, clock=clock)
    taken: list[int] = []
    gate = threading.Barrier(4)

    def claim(process: Flask) -> None:
        with process.app_context():
            gate.wait(10)
            while True:
                with transaction() as session:
                    claims = claim_due(
                        session, account_id=account.id, now=MONDAY, limit=7
                    )
                    assert len(claims) <= 7
                if not claims:
                    return
                taken.extend(claim.attempt_id for claim in claims)

    threads = [
        threading.Thread(target=claim, args=(process,))
        for process in (app, another, app, another)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with another.app_context():
        for engine in db.engines.values():
            engine.dispose()
    assert len(taken) == len(set(taken)) == MANY
    assert how_many(RetryAttempt, RetryAttempt.asked == 1) == MANY
