"""A tick reads what is due off its own indexes, however much is planned or past."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from app.extensions import db
from app.services import recoveries, rescue, retries, sweeping
from tests.builders import a_account, a_recovery, a_user, an_attempt
from tests.conftest import MONDAY
from tests.merchants import Merchant

pytestmark = pytest.mark.sqlite

# Attempts without their end are few: however they are found, they are soon read.
FEW = "IN ('running', 'unknown', 'processing')"
# Indexes that hold every row ever written: a walk along one grows with the history.
OF_ALL_ROWS = (
    "ix_recovery_status",
    "ix_retry_attempt_history",
)


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Every statement that is sent to the database meanwhile."""
    sent: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        sent.append((text, values))

    engines = (db.engine, db.engines["writer"])
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield sent
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


def test_a_tick_walks_no_whole_table(app: Flask) -> None:
    account = a_account(charges_from=MONDAY - timedelta(days=1))
    for _ in range(3):
        recovery = a_recovery(account_id=account.id)
        an_attempt(recovery_id=recovery.id, account_id=account.id)
    with statements() as sent:
        retries.run_due(now=MONDAY, threads=2)
        rescue.rescue_stuck(now=MONDAY)
        sweeping.sweep(now=MONDAY)
        retries._claim({account.id: 5}, now=MONDAY)
    assert len(sent) >= 8
    assert not _walks(sent)


def test_a_refusal_and_what_follows_it_walk_no_whole_table(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    with statements() as sent:
        merchant.run_to_next_retry(invoice)
        merchant.look(invoice)
        recoveries.stop(
            merchant.recovery(invoice).id,
            user_id=a_user().id,
            reason="",
            now=merchant.now,
        )
    assert any(text.startswith("UPDATE retry_attempt") for text, _ in sent)
    assert not _walks(
        [(text, values) for text, values in sent if "retry_attempt" in text]
    )


def _walks(sent: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    return [
        (walk, text)
        for text, values in sent
        if text.startswith(("SELECT", "UPDATE", "WITH")) and FEW not in text
        for walk in _plan_of(text, values)
        if any(name in walk for name in OF_ALL_ROWS) or _is_scan(walk)
    ]


def _is_scan(walk: str) -> bool:
    big = walk.startswith(("SCAN recovery", "SCAN retry_attempt"))
    return big and "USING INDEX" not in walk


def _plan_of(text: str, values: Any) -> list[str]:
    with db.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        return [row.detail for row in plan]
