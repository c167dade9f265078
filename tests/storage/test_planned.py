"""Planned attempts as they are written: whole, in any number, and never twice."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.domain.recovery import AttemptStatus
from app.storage.models import Recovery, RetryAttempt
from app.storage.planned import TOGETHER, put_down
from app.storage.transaction import reading, transaction
from tests.builders import a_recovery
from tests.conftest import MONDAY


def a_plan(recovery: Recovery, **over: Any) -> dict[str, Any]:
    """What planning hands over."""
    return {
        "account_id": recovery.account_id,
        "recovery_id": recovery.id,
        "number": 1,
        "due_at": MONDAY + timedelta(days=3),
        "idempotency_key": f"key-{recovery.id}-{over.get('number', 1)}",
        "strategy": "even-spread",
        "strategy_version": "1",
        "reason": "Zwölf Uhr in Zürich: 12 o'clock there.",
        "rules": ["at least 20 hours between two tries"],
        "alternatives": [{"at": "2026-11-06", "reason": "later", "probability": 0.2}],
        "evidence": {"try": 1, "zone": "Europe/Zurich"},
        "probability": 0.25,
        "propensity": 1.0,
        "requested_by_id": None,
        **over,
    }


def written() -> list[RetryAttempt]:
    with reading() as session:
        return list(session.scalars(select(RetryAttempt).order_by(RetryAttempt.id)))


def put(*plans: dict[str, Any]) -> None:
    with transaction() as session:
        put_down(session, plans, now=MONDAY)


def test_every_value_is_read_back_as_it_was_given(app: Flask) -> None:
    plan = a_plan(a_recovery())
    put(plan)
    [attempt] = written()
    assert {name: getattr(attempt, name) for name in plan} == plan
    assert attempt.status is AttemptStatus.SCHEDULED
    assert attempt.planned_at == MONDAY
    assert attempt.asked == 0
    assert attempt.started_at is None
    assert attempt.expected_fee is None


def test_many_are_written_together_in_the_order_in_which_they_are_due(
    app: Flask,
) -> None:
    days = (5, 1, 9, 3)
    plans = [a_plan(a_recovery(), due_at=MONDAY + timedelta(days=n)) for n in days]
    put(*plans)
    assert [attempt.due_at for attempt in written()] == sorted(
        plan["due_at"] for plan in plans
    )


def test_more_than_one_statement_takes_are_all_written(app: Flask) -> None:
    plans = [a_plan(a_recovery()) for _ in range(2 * TOGETHER + 3)]
    put(*plans)
    assert {attempt.recovery_id: attempt.idempotency_key for attempt in written()} == {
        plan["recovery_id"]: plan["idempotency_key"] for plan in plans
    }


@pytest.mark.parametrize("same", ["recovery", "key"])
def test_a_second_live_attempt_or_a_known_key_is_refused_with_all_beside_it(
    app: Flask, same: str
) -> None:
    first, second, third = (a_plan(a_recovery()) for _ in range(3))
    put(first)
    if same == "recovery":
        second |= {"recovery_id": first["recovery_id"], "number": 2}
    else:
        second |= {"idempotency_key": first["idempotency_key"]}
    with pytest.raises(IntegrityError):
        put(third, second)
    assert [attempt.recovery_id for attempt in written()] == [first["recovery_id"]]
