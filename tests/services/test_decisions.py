"""Decisions are kept with all they rest on, and computed again they are the same."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.domain.recovery import RecoveryStatus
from app.domain.strategies.adaptive import Model
from app.domain.strategies.own import Definition, Line, Then
from app.services import decisions, learning, own_strategies, strategies
from app.services.decisions import Again, again
from app.services.planning import plan
from app.storage import decision_reads
from app.storage.decision_models import Decision
from app.storage.models import Payment, Recovery, Subscription
from app.storage.strategy_models import OwnStrategy, StrategyModel
from app.storage.transaction import reading, transaction
from tests.builders import a_account, a_decline, a_recovery, a_user
from tests.conftest import MONDAY
from tests.merchants import Merchant

DAY = timedelta(days=1)
NAMES = ["even-spread", "adaptive", "fixed-ladder", "hands-off", "mine"]


def decided(**over: Any) -> int:
    """A recovery with its first plan, by the strategy that is named; its id."""
    fields = {"strategy": "even-spread", **over}
    recovery = a_recovery(account_id=a_account().id, **fields)
    a_decline(recovery_id=recovery.id, account_id=recovery.account_id)
    planned(recovery.id)
    return recovery.id


def planned(recovery_id: int) -> None:
    with transaction() as session:
        plan(session, session.get_one(Recovery, recovery_id), now=MONDAY)


def computed(recovery_id: int | None = None) -> list[Again]:
    """All its decisions, computed again, the newest first."""
    with reading() as session:
        rows = decision_reads.newest(session, recovery_id=recovery_id, limit=99)
        return [again(session, row) for row in rows]


def an_own_strategy() -> None:
    lines = (Line(then=Then.DELAYS, delays=(DAY, 4 * DAY), hours=(9.5,)),)
    own_strategies.create("mine", Definition(lines), user_id=a_user().id, now=MONDAY)


@pytest.mark.parametrize("name", NAMES)
def test_whatever_happens_later_past_decisions_come_out_the_same(
    merchant: Merchant, name: str
) -> None:
    an_own_strategy()
    learned = replace(Model.fresh(), closed=900, answered=900, timing=1.0)
    learning.keep(merchant.account_id, learned, now=merchant.now)
    strategies.choose(merchant.account_id, name, user_id=a_user().id, now=merchant.now)
    invoice = merchant.declined_renewal(default="insufficient_funds")
    for _ in range(4):
        merchant.sandbox.advance(days=3)
        merchant.tick()
    _move_on(merchant)
    found = computed(merchant.recovery(invoice).id)
    assert len(found) == {"hands-off": 1, "mine": 3}.get(name, len(found))
    assert len(found) > 2 or name == "hands-off"
    assert [each.verdict for each in found] == ["Computed again: the same."] * len(
        found
    )


def _move_on(merchant: Merchant) -> None:
    """All that a case is read from is another by now; so are strategy and model."""
    longer = Definition((Line(tries=4),))
    own_strategies.edit("mine", longer, since=1, user_id=a_user().id, now=merchant.now)
    learning.keep(merchant.account_id, Model.fresh(), now=merchant.now)
    with transaction() as session:
        for recovery in session.scalars(select(Recovery)):
            recovery.amount += 700
            recovery.deadline_at -= DAY
            recovery.seed += 1
            recovery.card_changed_at = merchant.now
            session.add(
                Payment(
                    account_id=recovery.account_id,
                    stripe_charge_id=f"ch_late_{recovery.id}",
                    stripe_customer_id=recovery.stripe_customer_id,
                    occurred_at=recovery.started_at - 40 * DAY,
                    amount=1900,
                    currency="eur",
                )
            )
            a_row = session.get_one(Subscription, recovery.subscription_id)
            a_row.customer_timezone = "Pacific/Auckland"
            a_row.interval = "year"


def test_ends_are_decisions_too(app: Flask) -> None:
    account = a_account()
    recovery = a_recovery(account_id=account.id)
    a_decline(
        recovery_id=recovery.id, account_id=account.id, decline_code="stolen_card"
    )
    planned(recovery.id)
    (found,) = computed(recovery.id)
    assert (found.stored.step, found.decision.number) == ("ask the customer", None)
    assert found.is_same
    with reading() as session:
        row = session.get_one(Recovery, recovery.id)
        assert row.status is RecoveryStatus.WAITING_FOR_CUSTOMER
        assert row.status_reason == found.stored.reason


def test_what_stripe_refused_to_charge_is_among_the_facts(app: Flask) -> None:
    recovery_id = decided(stripe_refused_at=MONDAY, stripe_refusals=3)
    with transaction() as session:
        session.get_one(Recovery, recovery_id).stripe_refusals = 0
    (found,) = computed(recovery_id)
    assert "after Stripe refused to charge at all" in str(found.stored.rules)
    assert found.is_same


def test_a_changed_row_is_noticed(app: Flask) -> None:
    recovery_id = decided()
    with transaction() as session:
        row = session.scalars(select(Decision)).one()
        assert row.at is not None
        row.at += timedelta(hours=1)
    (found,) = computed(recovery_id)
    assert found.differences == ("time",)
    assert found.verdict == (
        "Computed again, not the same: time. Nothing explains it: what is stored must "
        "have been changed."
    )


def test_another_program_is_named_as_the_cause(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    recovery_id = decided()
    with transaction() as session:
        row = session.scalars(select(Decision)).one()
        row.reason, row.program = "Because.", "0" * 12
    (found,) = computed(recovery_id)
    assert found.verdict == (
        "Computed again, not the same: reason. The program's rules have changed since."
    )
    monkeypatch.setattr("app.domain.strategies.even_spread.EvenSpread.version", "99")
    (found,) = computed(recovery_id)
    said = "Version 1 of even-spread decided it; this program has version 99."
    assert said in found.verdict


def test_what_is_gone_is_said(app: Flask) -> None:
    an_own_strategy()
    mine, model = decided(strategy="mine"), decided(strategy="adaptive")
    with transaction() as session:
        for row in session.scalars(select(Decision)):
            if row.strategy == "adaptive":
                row.strategy_version += ".7"
        session.scalars(select(OwnStrategy)).one().version = 4
    (found,) = computed(mine)
    assert found.verdict == (
        "It cannot be computed again. Version 1 of mine is not stored."
    )
    (found,) = computed(model)
    assert found.verdict == (
        "It cannot be computed again. Model 7, by which it was decided, is not kept "
        "any more."
    )


def test_damage_is_said(app: Flask) -> None:
    account = a_account()
    learning.keep(account.id, Model.fresh(), now=MONDAY)
    recovery = a_recovery(account_id=account.id, strategy="adaptive")
    a_decline(recovery_id=recovery.id, account_id=account.id)
    planned(recovery.id)
    with transaction() as session:
        session.scalars(select(StrategyModel)).one().body = "{"
    assert "Model 1, by which it was decided, cannot be read." in _verdict(recovery.id)
    with transaction() as session:
        session.scalars(select(Decision)).one().facts = {"case": 7}
    assert "stored damaged and cannot be read" in _verdict(recovery.id)
    with transaction() as session:
        session.execute(text("UPDATE decision SET facts = :it"), {"it": b"x\x9c"})
    assert "stored damaged and cannot be read" in _verdict(recovery.id)


def _verdict(recovery_id: int) -> str:
    (found,) = computed(recovery_id)
    assert found.found is None
    return found.verdict


def test_the_command_tells_both_and_exits_by_it(app: Flask) -> None:
    recovery_id = decided()
    (found,) = computed(recovery_id)
    number = str(found.decision.id)
    runner = app.test_cli_runner()
    listed = runner.invoke(args=["decisions", "list", str(recovery_id)])
    assert listed.output.startswith(f"{number}  2026-")
    assert f"recovery {recovery_id}, retry 1, by even-spread 1: retry at" in (
        listed.output
    )
    same = runner.invoke(args=["decisions", "recompute", number])
    assert same.exit_code == 0
    assert same.output.endswith("  Computed again: the same.\n")
    assert found.stored.reason in same.output
    with transaction() as session:
        session.scalars(select(Decision)).one().reason = "Because."
    other = runner.invoke(args=["decisions", "recompute", number])
    assert other.exit_code == 1
    assert "stored          Because." in other.output
    assert f"computed again  {found.stored.reason}" in other.output


@pytest.mark.parametrize("number", ["0", "-3", "x", str(2**70), "999"])
def test_a_number_that_is_none_is_refused(app: Flask, number: str) -> None:
    found = app.test_cli_runner().invoke(args=["decisions", "recompute", "--", number])
    assert found.exit_code != 0
    assert "Traceback" not in found.output
    assert isinstance(found.exception, SystemExit)
    empty = app.test_cli_runner().invoke(args=["decisions", "list"])
    assert empty.output == "No decision is kept.\n"


def test_a_program_is_known_by_its_code(app: Flask) -> None:
    assert len(decisions.program()) == 12
