"""One recovery goes on by another strategy: planned anew, safely, and on record."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.experiments import Arm
from app.domain.people import Role
from app.domain.recovery import AttemptStatus, PauseCause, RecoveryStatus
from app.domain.steps import RetryAt
from app.services import recoveries, strategy_changes
from app.services.refusals import ActionRefused
from app.storage import experiment_reads
from app.storage.models import AuditEntry, Recovery, RetryAttempt
from app.storage.strategy_models import Allocation, Experiment
from app.storage.transaction import reading, transaction
from tests.builders import a_decline, a_recovery, a_user, an_attempt
from tests.conftest import MONDAY
from tests.merchants import Merchant

SOON = MONDAY + timedelta(hours=1)
OTHER = "fixed-ladder"


def _a_recovery(**over: object) -> int:
    recovery = a_recovery(**over)
    a_decline(recovery_id=recovery.id)
    return recovery.id


def _attempts() -> list[RetryAttempt]:
    with reading() as session:
        return list(session.scalars(select(RetryAttempt).order_by(RetryAttempt.id)))


def _row(recovery_id: int) -> Recovery:
    with reading() as session:
        return session.get_one(Recovery, recovery_id)


def test_the_next_step_is_the_one_that_was_shown(app: Flask) -> None:
    id, who = _a_recovery(), a_user()
    an_attempt(recovery_id=id)
    with reading() as session:
        row = session.get_one(Recovery, id)
        shown = strategy_changes.preview(session, row, OTHER, now=SOON)
    assert isinstance(shown, RetryAt)
    assert [each.status for each in _attempts()] == [AttemptStatus.SCHEDULED]

    strategy_changes.change(id, OTHER, user_id=who.id, now=SOON)
    old, new = _attempts()
    assert old.status is AttemptStatus.CANCELED
    assert (new.status, new.due_at) == (AttemptStatus.SCHEDULED, shown.at)
    assert (new.strategy, new.number) == (OTHER, 2)
    assert _row(id).strategy == OTHER
    with reading() as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.user_id) == ("recovery.strategy", who.id)
    assert f"{OTHER} instead of even-spread" in entry.detail


@pytest.mark.parametrize(
    "status", [AttemptStatus.RUNNING, AttemptStatus.UNKNOWN, AttemptStatus.PROCESSING]
)
def test_a_charge_under_way_comes_first(app: Flask, status: AttemptStatus) -> None:
    id = _a_recovery()
    an_attempt(recovery_id=id, status=status, started_at=MONDAY)
    with pytest.raises(ActionRefused, match="under way"):
        strategy_changes.change(id, OTHER, user_id=a_user().id, now=SOON)
    assert [each.status for each in _attempts()] == [status]
    assert _row(id).strategy == "even-spread"


@pytest.mark.parametrize(
    ("cause", "is_planned"),
    [
        (PauseCause.PERSON, False),
        (PauseCause.STRIPE_RETRIES, False),
        (PauseCause.PAUSED_AT_STRIPE, False),
        (PauseCause.OBSERVING, True),
    ],
)
def test_what_is_held_stays_held(
    app: Flask, cause: PauseCause, is_planned: bool
) -> None:
    id = _a_recovery(status=RecoveryStatus.PAUSED, paused_because=cause)
    strategy_changes.change(id, OTHER, user_id=a_user().id, now=SOON)
    row = _row(id)
    assert row.strategy == OTHER
    assert bool(_attempts()) is is_planned
    if not is_planned:
        assert (row.status, row.paused_because) == (RecoveryStatus.PAUSED, cause)


def test_what_was_paused_goes_on_by_the_new_one(app: Flask) -> None:
    id, who = _a_recovery(), a_user().id
    recoveries.pause(id, user_id=who, now=SOON)
    strategy_changes.change(id, OTHER, user_id=who, now=SOON)
    recoveries.resume(id, user_id=who, now=SOON)
    assert [each.strategy for each in _attempts()] == [OTHER]


@pytest.mark.parametrize("name", ["", "nobody's", "even-spread"])
def test_only_another_known_strategy_may_be_chosen(app: Flask, name: str) -> None:
    id = _a_recovery()
    with pytest.raises(ActionRefused):
        strategy_changes.change(id, name, user_id=a_user().id, now=SOON)
    assert _row(id).strategy == "even-spread"


def test_what_has_ended_is_resumed_first(app: Flask) -> None:
    id = _a_recovery(status=RecoveryStatus.STOPPED, ended_at=MONDAY)
    with pytest.raises(ActionRefused, match="Resume it first"):
        strategy_changes.change(id, OTHER, user_id=a_user().id, now=SOON)


def test_an_experiment_goes_on_counting_it_in_its_arm(app: Flask) -> None:
    who, id = a_user(role=Role.OWNER), _a_recovery()
    with transaction() as session:
        recovery = session.get_one(Recovery, id)
        experiment = Experiment(
            account_id=recovery.account_id, name="Spring", control="even-spread",
            control_version="1", treatment=OTHER, treatment_version="1",
            treatment_percent=50, points=10, planned=100, seed="0",
            created_at=MONDAY, created_by_id=who.id, starts_at=MONDAY,
        )  # fmt: skip
        session.add(experiment)
        session.flush()
        session.add(
            Allocation(
                recovery_id=id,
                experiment_id=experiment.id,
                arm=Arm.CONTROL,
                window_ends_at=MONDAY + timedelta(days=28),
            )
        )
        experiment_id = experiment.id

    def counted() -> dict[Arm, int]:
        with reading() as session:
            found = experiment_reads.counts(session, experiment_id, closed_before=SOON)
            return {arm: of.allocated for arm, of in found.items()}

    before = counted()
    strategy_changes.change(id, OTHER, user_id=who.id, now=SOON)
    assert counted() == before == {Arm.CONTROL: 1, Arm.TREATMENT: 0}
    with reading() as session:
        found = experiment_reads.allocation(session, id)
    assert found is not None
    assert found[1] is Arm.CONTROL


def test_it_is_charged_once_after_a_change_right_before_its_time(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    recovery = merchant.recovery(invoice)
    strategy_changes.change(recovery.id, OTHER, user_id=a_user().id, now=merchant.now)
    attempt = merchant.run_to_next_retry(invoice)
    assert (attempt.status, attempt.strategy) == (AttemptStatus.SUCCEEDED, OTHER)
    assert len(merchant.charges(invoice)) == 2
