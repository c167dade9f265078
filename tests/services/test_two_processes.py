"""Two processes that tick at the same time, on either database, charge nobody twice."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from app.config import Config
from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.storage.models import Recovery, RetryAttempt
from app.storage.transaction import transaction
from tests.merchants import a_merchant
from tests.servers import ROOT, environment

MANY = 30


@pytest.mark.slow
def test_processes_that_tick_together_charge_each_invoice_once(
    config: Config, tmp_path: Path
) -> None:
    with a_merchant(config, tmp_path) as merchant:
        people = [
            merchant.subscriber("insufficient_funds", default=default)
            for default in ["approve", "generic_decline"] * (MANY // 2)
        ]
        merchant.sandbox.advance(days=31, hours=2)
        invoices = [
            entry["invoice"]
            for entry in merchant.sandbox.ledger()
            if entry["billing_reason"] == "subscription_cycle"
        ]
        assert len(invoices) == len(people)
        for invoice in invoices:
            merchant.look(invoice)
        merchant.sandbox.advance(days=1)
        with transaction() as session:
            due = merchant.now - timedelta(minutes=1)
            session.execute(update(RetryAttempt).values(due_at=due))
        _tick_together(
            replace(config, stripe_api_base=merchant.sandbox.url),
            CLOCK_FILE=str(tmp_path / "clock"),
            STRIPE_CONNECT_BASE=merchant.sandbox.url,
        )

        keys = []
        for invoice in invoices:
            first, *ours = merchant.charges(invoice)
            assert first["idempotency_key"] is None
            assert len(ours) == 1
            keys += [ours[0]["idempotency_key"]]
            attempt = merchant.attempts(invoice)[0]
            assert attempt.idempotency_key == ours[0]["idempotency_key"]
            expected = (
                AttemptStatus.SUCCEEDED if ours[0]["ok"] else AttemptStatus.DECLINED
            )
            assert (attempt.status, attempt.asked) == (expected, 1)
            recovery: Recovery = merchant.recovery(invoice)
            assert (recovery.charges, recovery.retries) == (2, 1)
            assert (recovery.status is RecoveryStatus.RECOVERED) == ours[0]["ok"]
        assert len(set(keys)) == MANY


def _tick_together(config: Config, **more: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "app", "tick"],
            cwd=ROOT,
            env=environment(config, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert "Traceback" not in said, said
