"""Learning from an account's own recoveries: what is read, when, and who uses it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.domain.steps import RetryAt
from app.domain.strategies.adaptive import Adaptive, Model
from app.services import dry_runs, learning, strategies
from app.services.planning import plan
from app.storage.models import Payment, Recovery, RetryAttempt, StripeAccount
from app.storage.strategy_models import StrategyModel
from app.storage.transaction import reading, transaction
from tests.builders import a_account, a_decline, a_recovery, an_attempt
from tests.conftest import MONDAY

DAY = timedelta(days=1)


@pytest.fixture
def account(app: Flask) -> StripeAccount:
    return a_account(strategy="adaptive")


def closed(account: StripeAccount, *, paid: bool, at: datetime = MONDAY) -> Recovery:
    """One retry was refused after three days; the next one was approved, or not."""
    recovery = a_recovery(
        account_id=account.id,
        started_at=at,
        strategy="adaptive",
        status=RecoveryStatus.RECOVERED if paid else RecoveryStatus.TERMINATED,
        ended_at=at + 6 * DAY,
        charges=3,
        retries=2,
    )
    kept: dict[str, Any] = {"recovery_id": recovery.id, "account_id": account.id}
    a_decline(**kept, occurred_at=at)
    for number, won in ((1, False), (2, paid)):
        when = at + 3 * number * DAY
        attempt = an_attempt(
            **kept,
            number=number,
            status=AttemptStatus.SUCCEEDED if won else AttemptStatus.DECLINED,
            due_at=when,
            started_at=when,
            finished_at=when,
            probability=0.2,
            evidence={"plan": "model" if number == 2 else "even spread"},
        )
        if not won:
            a_decline(**kept, occurred_at=when, attempt_id=attempt.id)
    return recovery


def models() -> list[StrategyModel]:
    with reading() as session:
        return list(session.scalars(select(StrategyModel).order_by(StrategyModel.id)))


def test_an_episode_tells_what_was_tried_believed_and_paid(
    account: StripeAccount,
) -> None:
    recovery = closed(account, paid=True)
    with transaction() as session:
        for number, at in enumerate((MONDAY - 30 * DAY, MONDAY + 6 * DAY)):
            session.add(
                Payment(
                    account_id=account.id,
                    stripe_charge_id=f"ch_paid_{number}",
                    stripe_customer_id=recovery.stripe_customer_id,
                    occurred_at=at,
                    amount=1900,
                    currency="eur",
                )
            )
    (episode,) = learning.episodes_of(account.id, now=MONDAY + 9 * DAY)
    assert episode.paid_at == MONDAY + 6 * DAY
    assert episode.departed == (MONDAY + 6 * DAY,)
    assert episode.believed == ((MONDAY + 3 * DAY, 0.2), (MONDAY + 6 * DAY, 0.2))
    assert len(episode.case.declines) == 2
    assert episode.closed
    # What was paid since would foretell the answer.
    assert episode.case.past_successes == (MONDAY - 30 * DAY,)


def test_of_many_recent_recoveries_an_even_part_is_learned_from(
    account: StripeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.domain.strategies.adaptive.learning.MOST_CASES", 3)
    ids = [closed(account, paid=True, at=MONDAY + n * DAY).id for n in range(9)]
    found = learning.episodes_of(account.id, now=MONDAY + 20 * DAY)
    begun = sorted((one.case.declined_at - MONDAY) // DAY for one in found)
    assert begun == [n for n, id_ in enumerate(ids) if id_ % 3 == 0]
    # Of recoveries long past, the newest.
    later = learning.episodes_of(account.id, now=MONDAY + 200 * DAY)
    assert sorted((one.case.declined_at - MONDAY) // DAY for one in later) == [6, 7, 8]


def test_a_model_is_made_once_a_day_when_enough_was_answered(
    account: StripeAccount,
) -> None:
    now = MONDAY + 10 * DAY
    for n in range(9):
        closed(account, paid=n % 2 == 0)
    assert learning.learn_anew(now=now) == 0  # eighteen answers
    closed(account, paid=True)
    assert learning.learn_anew(now=now) == 1
    assert learning.learn_anew(now=now) == 0
    assert learning.learn_anew(now=now + 2 * DAY) == 0  # nothing new was answered
    (row,) = models()
    assert (row.version, row.closed, row.answered) == (1, 10, 10)


def test_nobody_learns_for_an_account_that_does_not_use_it(app: Flask) -> None:
    other = a_account()
    for _ in range(10):
        closed(other, paid=True)
    assert learning.learn_anew(now=MONDAY + 10 * DAY) == 0


def test_the_newest_model_plans_and_is_named_on_the_attempt(
    account: StripeAccount,
) -> None:
    for n in range(2):
        assert learning.keep(account.id, Model.fresh(), now=MONDAY + n * DAY) == n + 1
    recovery = a_recovery(account_id=account.id, strategy="adaptive")
    a_decline(recovery_id=recovery.id, account_id=account.id)
    with transaction() as session:
        step = plan(session, session.get_one(Recovery, recovery.id), now=MONDAY)
    assert isinstance(step, RetryAt)
    with reading() as session:
        attempt = session.scalars(select(RetryAttempt)).one()
        assert (attempt.strategy, attempt.strategy_version) == (
            "adaptive",
            f"{Adaptive.version}.2",
        )
        # The version of the rules is what recoveries and experiments go by.
        assert strategies.version_in_force(session, "adaptive") == Adaptive.version


def test_a_dry_run_goes_by_what_was_learned_of_each_account(
    account: StripeAccount,
) -> None:
    """It says what a plan made now would be."""
    other = a_account(strategy="adaptive")
    learned = replace(Model.fresh(), closed=900, answered=900, timing=1.0)
    learning.keep(account.id, learned, now=MONDAY)
    ids = []
    for each in (account, other):
        recovery = a_recovery(account_id=each.id, strategy="adaptive", seed=7)
        a_decline(recovery_id=recovery.id, account_id=each.id, fingerprint=None)
        ids.append(recovery.id)
    with reading() as session:
        found = dry_runs.would_do(session, "adaptive", accounts=None, now=MONDAY)
        would = {each.recovery.id: (each.step, each.version) for each in found}
    with transaction() as session:
        planned = [
            plan(session, session.get_one(Recovery, id_), now=MONDAY) for id_ in ids
        ]
    assert [would[id_][0] for id_ in ids] == planned
    steps = [step.evidence["stage"] for step in planned if isinstance(step, RetryAt)]
    assert steps == ["free", "prior"]
    versions = [would[id_][1] for id_ in ids]
    assert versions == [f"{Adaptive.version}.1", Adaptive.version]


@pytest.mark.parametrize("body", ["", "{}", "[1, 2]", '{"format": 99}', "[" * 9999])
def test_a_model_that_cannot_be_read_stops_no_retry(
    account: StripeAccount, body: str
) -> None:
    learning.keep(account.id, Model.fresh(), now=MONDAY)
    with transaction() as session:
        session.scalars(select(StrategyModel)).one().body = body
    recovery = a_recovery(account_id=account.id, strategy="adaptive")
    a_decline(recovery_id=recovery.id, account_id=account.id)
    with transaction() as session:
        step = plan(session, session.get_one(Recovery, recovery.id), now=MONDAY)
    assert isinstance(step, RetryAt)


def test_every_model_is_kept_for_the_decisions_that_it_made(
    account: StripeAccount,
) -> None:
    for _ in range(70):
        learning.keep(account.id, Model.fresh(), now=MONDAY)
    assert [row.version for row in models()] == list(range(1, 71))
