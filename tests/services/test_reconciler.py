"""The reconciler against the sandbox: in step although no event ever arrived."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from app.config import Config
from app.domain.recovery import ClosedAs, RecoveryStatus
from app.sandbox import Sandbox, Subscriber, start_sandbox
from app.sandbox.founding import MERCHANT_KEY
from app.services import (
    account_cards,
    accounts,
    handling,
    imports,
    leaving,
    reconciler,
)
from app.services.account_cards import CardState
from app.services.connections import gateway_of
from app.storage.models import AuditEntry, Recovery, StripeAccount, StripeEvent
from app.storage.transaction import reading
from tests.conftest import MONDAY

WEEK = timedelta(days=7)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Stripe as it is for a shop whose panel nobody can reach."""
    with start_sandbox(now=MONDAY.isoformat()) as sandbox:
        sandbox.retries(mode="none")
        yield sandbox


@pytest.fixture
def config(config: Config, sandbox: Sandbox) -> Config:
    return replace(config, stripe_api_base=sandbox.url, public_url="http://127.0.0.1:9")


@pytest.fixture
def account_id(app: object) -> int:
    account_id = accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=MONDAY)
    imports.go_on(now=MONDAY)
    assert reconciler.reconcile(now=MONDAY) == 1
    return account_id


def now_of(sandbox: Sandbox) -> datetime:
    return datetime.fromisoformat(sandbox.now())


def a_member(sandbox: Sandbox, answer: str = "insufficient_funds") -> Subscriber:
    member = sandbox.subscriber()
    assert member.payment_method
    sandbox.script(member.payment_method, default=answer)
    return member


def the_recovery() -> Recovery:
    with reading() as session:
        return session.scalars(select(Recovery)).one()


def repairs() -> list[str]:
    with reading() as session:
        return list(
            session.scalars(
                select(AuditEntry.detail)
                .where(AuditEntry.action == "account.repaired")
                .order_by(AuditEntry.id)
            )
        )


def test_a_decline_that_no_event_told_of_is_found_and_reported(
    account_id: int, sandbox: Sandbox
) -> None:
    a_member(sandbox)
    sandbox.advance(days=31)
    now = now_of(sandbox)

    assert reconciler.reconcile(now=now) == 1
    recovery = the_recovery()
    assert recovery.status is RecoveryStatus.IN_RETRY
    assert f"{recovery.stripe_invoice_id} was declined, and no event had told us." in (
        repairs()
    )
    assert account_cards.card_of(account_id, now=now).state is CardState.UNHEARD


def test_events_that_could_not_be_delivered_are_fetched_once(
    account_id: int, sandbox: Sandbox
) -> None:
    a_member(sandbox)
    sandbox.advance(days=31)
    reconciler.reconcile(now=now_of(sandbox))
    with reading() as session:
        fetched = list(session.scalars(select(StripeEvent.type)))
    assert "invoice.payment_failed" in fetched
    assert any("had not arrived" in told for told in repairs())

    reconciler.reconcile(now=now_of(sandbox) + timedelta(hours=7))
    with reading() as session:
        assert list(session.scalars(select(StripeEvent.type))) == fetched
        assert session.get_one(StripeAccount, account_id).last_event_at is None
    handling.handle_pending(now=now_of(sandbox))
    assert the_recovery().status is RecoveryStatus.IN_RETRY


def test_a_second_pass_finds_nothing_to_repair(
    account_id: int, sandbox: Sandbox
) -> None:
    a_member(sandbox)
    sandbox.advance(days=31)
    reconciler.reconcile(now=now_of(sandbox))
    before = repairs()

    assert reconciler.reconcile(now=now_of(sandbox) + timedelta(hours=7)) == 1
    assert repairs() == before


@pytest.mark.usefixtures("account_id")
def test_what_a_canceled_subscription_left_open_is_not_asked_about_for_ever(
    sandbox: Sandbox,
) -> None:
    member = a_member(sandbox)
    sandbox.advance(days=31)
    sandbox.person("cancel", subscription=member.subscription)
    reconciler.reconcile(now=now_of(sandbox))
    assert the_recovery().closed_as is ClosedAs.CANCELED
    before = looks_at_invoices(sandbox)

    for hours in (7, 14):
        later = now_of(sandbox) + timedelta(hours=hours)
        assert reconciler.reconcile(now=later) == 1
    assert looks_at_invoices(sandbox) == before == 1


def looks_at_invoices(sandbox: Sandbox) -> int:
    counts = sandbox.calls()["counts"]
    return sum(c["count"] for c in counts if c["path"] == "/v1/invoices/{id}")


@pytest.mark.usefixtures("account_id")
def test_an_invoice_paid_meanwhile_is_closed(sandbox: Sandbox) -> None:
    member = a_member(sandbox)
    sandbox.advance(days=31)
    reconciler.reconcile(now=now_of(sandbox))
    assert the_recovery().status is RecoveryStatus.IN_RETRY

    pay_by_hand(sandbox, member)
    sandbox.advance(days=1)
    reconciler.reconcile(now=now_of(sandbox))
    recovery = the_recovery()
    assert recovery.status is RecoveryStatus.CLOSED
    assert (
        f"{recovery.stripe_invoice_id} is not open at Stripe any more, "
        "and no event had told us."
    ) in repairs()


def pay_by_hand(sandbox: Sandbox, member: Subscriber) -> None:
    """Somebody of the merchant's charges the invoice in the Dashboard."""
    assert member.payment_method
    sandbox.script(member.payment_method, default="approve")
    recovery = the_recovery()
    gateway_of(recovery.account_id).pay(
        recovery.stripe_invoice_id, idempotency_key="staff"
    )


def test_a_week_of_downtime_is_caught_up_by_itself(
    account_id: int, sandbox: Sandbox
) -> None:
    for _ in range(3):
        a_member(sandbox)
    sandbox.advance(days=31)
    sandbox.advance(days=7)

    assert reconciler.reconcile(now=now_of(sandbox)) == 1
    with reading() as session:
        assert len(list(session.scalars(select(Recovery)))) == 3


def test_it_waits_its_turn_and_for_the_import(account_id: int) -> None:
    assert reconciler.reconcile(now=MONDAY + timedelta(hours=5)) == 0
    assert reconciler.reconcile(now=MONDAY + timedelta(hours=6)) == 1
    leaving.disconnect(account_id, user_id=None, now=MONDAY)
    accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=MONDAY)
    assert reconciler.reconcile(now=MONDAY + WEEK) == 0


def test_a_pass_that_is_cut_off_is_begun_again_soon(
    account_id: int, sandbox: Sandbox
) -> None:
    sandbox.key(MERCHANT_KEY, revoke=["invoice_write"])
    sandbox.key(MERCHANT_KEY, revoke=["invoice_read"])
    later = MONDAY + timedelta(hours=7)
    assert reconciler.reconcile(now=later) == 0
    assert reconciler.reconcile(now=later + timedelta(minutes=5)) == 0

    sandbox.key(MERCHANT_KEY, grant=["invoice_write"])
    assert reconciler.reconcile(now=later + timedelta(minutes=10)) == 1


def test_without_the_event_permission_invoices_are_compared_all_the_same(
    account_id: int, sandbox: Sandbox
) -> None:
    sandbox.key(MERCHANT_KEY, revoke=["event_read"])
    a_member(sandbox)
    sandbox.advance(days=31)

    assert reconciler.reconcile(now=now_of(sandbox)) == 1
    assert the_recovery().status is RecoveryStatus.IN_RETRY
