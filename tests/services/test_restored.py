"""A database that was put back charges nothing before Stripe was asked."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, make_url, update

from app.config import Config
from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.extensions import db
from app.sandbox import Subscriber
from app.services import restored, retries
from app.storage.installation import Installation
from app.storage.models import RetryAttempt, StripeAccount
from app.storage.transaction import reading, transaction
from tests.builders import a_account
from tests.conftest import MONDAY
from tests.merchants import Merchant


def due_now(merchant: Merchant) -> None:
    with transaction() as session:
        session.execute(
            update(RetryAttempt)
            .where(RetryAttempt.status == AttemptStatus.SCHEDULED)
            .values(due_at=merchant.now)
        )


def look_at_renewal(merchant: Merchant, subscriber: Subscriber) -> str:
    """The subscriber's newest invoice, looked at."""
    invoice: str = [
        entry["invoice"]
        for entry in merchant.sandbox.ledger()
        if entry["customer"] == subscriber.customer
    ][-1]
    merchant.look(invoice)
    return invoice


def forget_home() -> None:
    """What every backup does: the row is left out."""
    with transaction() as session:
        session.execute(delete(Installation))


@pytest.fixture
def copies(config: Config) -> Callable[[], Callable[[], None]]:
    """Copies the SQLite file; what it returns puts the copy back."""
    file = Path(str(make_url(config.database_url).database))

    def copied() -> Callable[[], None]:
        kept = file.with_suffix(".copy")
        kept.unlink(missing_ok=True)
        with sqlite3.connect(file) as source:
            source.execute("VACUUM INTO ?", [str(kept)])
        source.close()

        def put_back() -> None:
            for engine in db.engines.values():
                engine.dispose()
            for leftover in file.parent.glob(f"{file.name}-*"):
                leftover.unlink()
            file.write_bytes(kept.read_bytes())

        return put_back

    return copied


def test_nothing_is_charged_by_a_database_that_was_put_back(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="approve")
    forget_home()
    due_now(merchant)

    assert retries.run_due(now=merchant.now) == 0

    assert restored.beat(now=merchant.now)
    assert retries.run_due(now=merchant.now) == 0
    assert len(merchant.charges(invoice)) == 1


def test_a_charge_that_was_claimed_before_is_not_made_any_more(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    due_now(merchant)
    claim = retries._claim

    def claimed_and_then_marked(*args: int, **named: object) -> object:
        claims = claim(*args, **named)  # type: ignore[arg-type]
        with transaction() as session:
            restored.mark(session, now=merchant.now)
        return claims

    monkeypatch.setattr(retries, "_claim", claimed_and_then_marked)
    retries.run_due(now=merchant.now)

    assert len(merchant.charges(invoice)) == 1
    planned = merchant.planned(invoice)
    assert planned is not None
    assert planned.asked == 0


@pytest.mark.sqlite
def test_charges_since_the_copy_are_found_before_anything_is_charged_again(
    merchant: Merchant, copies: Callable[[], Callable[[], None]]
) -> None:
    first = [merchant.subscriber(default="insufficient_funds") for _ in range(2)]
    merchant.sandbox.advance(days=4)
    late = merchant.subscriber(default="insufficient_funds")
    merchant.sandbox.advance(days=27, hours=2)
    invoice, other = (look_at_renewal(merchant, one) for one in first)
    restored.beat(now=merchant.now)
    put_back = copies()
    merchant.run_to_next_retry(invoice)
    restored.beat(now=merchant.now)
    merchant.sandbox.advance(days=4)
    new = look_at_renewal(merchant, late)
    merchant.tick()
    known = {i: len(merchant.declines(i)) for i in (invoice, other, new)}
    made = len(merchant.sandbox.ledger())

    put_back()
    assert len(merchant.declines(invoice)) < known[invoice]
    assert restored.beat(now=merchant.now), "the file beside it remembers more"
    due_now(merchant)
    merchant.tick()
    assert len(merchant.sandbox.ledger()) == made
    restored.look_again(now=merchant.now)

    assert {i: len(merchant.declines(i)) for i in known} == known
    assert merchant.account().restored_at is None
    retries.run_due(now=merchant.now)
    assert len(merchant.sandbox.ledger()) == made, "what was due is planned anew"
    merchant.run_to_next_retry(other)
    keys = [c["idempotency_key"] for c in merchant.charges(other)]
    assert len(keys) == len(set(keys)) == known[other] + 1


@pytest.mark.sqlite
def test_it_is_found_once(
    merchant: Merchant, copies: Callable[[], Callable[[], None]]
) -> None:
    assert not restored.beat(now=merchant.now)
    put_back = copies()
    assert not restored.beat(now=merchant.now)
    put_back()
    assert restored.beat(now=merchant.now)
    assert not restored.beat(now=merchant.now)


def test_another_database_in_the_same_place_is_not_taken_for_an_old_copy(
    app: Flask,
) -> None:
    restored.beat(now=MONDAY)
    with transaction() as session:
        session.execute(update(Installation).values(identity="another", beat=0))
    assert not restored.beat(now=MONDAY)


def test_an_account_without_an_answer_from_stripe_stays_uncharged(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    forget_home()
    restored.beat(now=merchant.now)
    merchant.sandbox.fault(method="GET", path="*/invoices*", status=500, times=1000)
    restored.look_again(now=merchant.now)
    due_now(merchant)
    merchant.tick()

    assert merchant.account().restored_at is not None
    assert len(merchant.charges(invoice)) == 1


def test_a_charge_without_its_answer_is_asked_for_before_the_account_is_charged(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    merchant.sandbox.fault(method="POST", path="*/pay", do="drop", when="after")
    merchant.run_to_next_retry(invoice)
    forget_home()
    merchant.sandbox.advance(hours=0.01)
    restored.beat(now=merchant.now)
    restored.look_again(now=merchant.now)
    assert merchant.account().restored_at is not None

    merchant.sandbox.advance(hours=1)
    merchant.tick()
    restored.look_again(now=merchant.now)

    assert merchant.account().restored_at is None
    assert merchant.recovery(invoice).status is RecoveryStatus.RECOVERED


def test_an_account_that_left_is_looked_at_when_it_comes_back(
    merchant: Merchant,
) -> None:
    with transaction() as session:
        session.execute(update(StripeAccount).values(status="disconnected"))
    forget_home()
    restored.beat(now=merchant.now)
    restored.look_again(now=merchant.now)
    assert merchant.account().restored_at is not None


def test_what_came_due_while_nobody_worked_for_hours_is_planned_anew(
    app: Flask,
) -> None:
    account = a_account(charges_from=MONDAY)
    restored.beat(now=MONDAY)
    for hours, fires_from in ((5, MONDAY), (12, MONDAY + timedelta(hours=12))):
        restored.beat(now=MONDAY + timedelta(hours=hours))
        with reading() as session:
            found = session.get_one(StripeAccount, account.id).charges_from
        assert found == fires_from
