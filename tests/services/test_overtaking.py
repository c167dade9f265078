"""Two people before one recovery: nobody overwrites what another has just done."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.people import Role
from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.services import notes, recoveries, strategy_changes
from app.services.overtaking import Seen, seen_now
from app.services.refusals import Overtaken
from app.storage.models import AuditEntry, Recovery, RetryAttempt, User
from app.storage.transaction import reading, transaction
from tests.builders import a_decline, a_recovery, a_user, an_attempt
from tests.conftest import MONDAY

Act = Callable[[int, int, Seen], object]

LATER = MONDAY + timedelta(days=2)
ACTS: dict[str, Act] = {
    "pause": lambda id, who, seen: recoveries.pause(
        id, user_id=who, now=LATER, seen=seen
    ),
    "resume": lambda id, who, seen: recoveries.resume(
        id, user_id=who, now=LATER, seen=seen
    ),
    "stop": lambda id, who, seen: recoveries.stop(
        id, user_id=who, reason="", now=LATER, seen=seen
    ),
    "retry now": lambda id, who, seen: recoveries.bring_forward(
        id, user_id=who, now=LATER, seen=seen
    ),
    "strategy": lambda id, who, seen: strategy_changes.change(
        id, "fixed-ladder", user_id=who, now=LATER, seen=seen
    ),
}
PLANNING = ["resume", "retry now", "strategy"]


def _seen(recovery: Recovery) -> Seen:
    with reading() as session:
        return seen_now(session, session.get_one(Recovery, recovery.id))


def _two() -> tuple[User, User]:
    return a_user(role=Role.STAFF, name="Ada"), a_user(role=Role.STAFF, name="Bo")


def _a_recovery() -> Recovery:
    recovery = a_recovery()
    a_decline(recovery_id=recovery.id, fingerprint=None)
    an_attempt(recovery_id=recovery.id)
    return recovery


def _rows(recovery: Recovery) -> tuple[object, ...]:
    with reading() as session:
        row = session.get_one(Recovery, recovery.id)
        attempts = session.scalars(select(RetryAttempt).order_by(RetryAttempt.id))
        trail = session.scalars(select(AuditEntry.id)).all()
        told = [(each.number, each.status, each.due_at) for each in attempts]
        return row.status, row.status_reason, row.strategy, told, len(trail)


@pytest.mark.parametrize("second", ACTS)
@pytest.mark.parametrize("first", ["pause", "stop", "retry now", "strategy"])
def test_the_second_changes_nothing_and_learns_what_the_first_did(
    app: Flask, first: str, second: str
) -> None:
    recovery, (ada, bo) = _a_recovery(), _two()
    seen = _seen(recovery)
    ACTS[first](recovery.id, ada.id, seen)
    before = _rows(recovery)
    with pytest.raises(Overtaken) as refused:
        ACTS[second](recovery.id, bo.id, seen)
    (done,) = refused.value.done
    assert (done.who, done.at) == ("Ada", LATER)
    assert (
        done.action.removeprefix("recovery.")
        .replace("_", " ")
        .startswith(first.split()[0])
    )
    assert _rows(recovery) == before


@pytest.mark.parametrize("act", PLANNING)
def test_what_charges_is_decided_again_when_the_engine_moved_on(
    app: Flask, act: str
) -> None:
    recovery, (ada, _) = _a_recovery(), _two()
    seen = _seen(recovery)
    with transaction() as session:
        attempt = session.scalars(select(RetryAttempt)).one()
        attempt.due_at += timedelta(days=1)
    before = _rows(recovery)
    with pytest.raises(Overtaken, match="moved on while you looked"):
        ACTS[act](recovery.id, ada.id, seen)
    assert _rows(recovery) == before


@pytest.mark.parametrize(
    ("act", "becomes"),
    [("pause", RecoveryStatus.PAUSED), ("stop", RecoveryStatus.STOPPED)],
)
def test_pausing_and_stopping_are_wished_whatever_the_engine_did(
    app: Flask, act: str, becomes: RecoveryStatus
) -> None:
    recovery, (ada, _) = _a_recovery(), _two()
    seen = _seen(recovery)
    with transaction() as session:
        attempt = session.scalars(select(RetryAttempt)).one()
        attempt.due_at += timedelta(days=1)
    ACTS[act](recovery.id, ada.id, seen)
    assert _rows(recovery)[0] is becomes


def test_a_note_of_somebody_else_stands_in_nobodys_way(app: Flask) -> None:
    recovery, (ada, bo) = _a_recovery(), _two()
    seen = _seen(recovery)
    notes.about_recovery(recovery.id, "Called.", user_id=ada.id, now=LATER)
    ACTS["retry now"](recovery.id, bo.id, seen)
    with reading() as session:
        newest = session.scalars(select(RetryAttempt).order_by(RetryAttempt.id)).all()
    assert newest[-1].status is AttemptStatus.SCHEDULED
    assert newest[-1].due_at == LATER


def test_what_a_form_says_is_read_or_left_out(app: Flask) -> None:
    seen = _seen(a_recovery())
    assert Seen.read(str(seen)) == seen
    for odd in (
        "",
        "1",
        "1-2",
        "-",
        "9" * 40 + "-aaaaaaaa",
        "1-zzzzzzzz",
        "\n1-aaaaaaaa",
    ):
        assert Seen.read(odd) is None
