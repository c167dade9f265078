"""From an empty database to a recovered payment, by OAuth, as an owner sees it."""

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app import jobs
from app.domain.recovery import RecoveryStatus
from app.sandbox import Sandbox
from app.storage.models import Recovery, StripeEvent
from app.storage.transaction import reading
from tests.browser.conftest import Open, SandboxClock

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def pass_time(sandbox: Sandbox, clock: SandboxClock, **time: float) -> None:
    """Time passes at Stripe, events arrive, and the panel does what is due."""
    clock.followed = sandbox
    sandbox.advance(**time)  # type: ignore[arg-type]
    sandbox.settle()
    for name in jobs.BY_NAME:
        assert jobs.run(name), name


def the_recovery() -> Recovery | None:
    with reading() as session:
        return session.scalar(select(Recovery))


def test_from_nothing_to_a_recovered_payment(
    open_as: Open, has_script: bool, sandbox: Sandbox, clock: SandboxClock
) -> None:
    sandbox.retries(mode="none")
    page = open_as(script=has_script)
    page.goto("/")
    page.get_by_role("link", name="Connect Stripe").click()
    page.get_by_role("button", name="Connect with Stripe").click()
    page.wait_for_url("**/oauth/authorize*")
    page.locator("button[value=connect]").click()
    expect(page.get_by_text("Your integration is complete")).to_be_visible()

    member = sandbox.subscriber(amount=1900)
    assert member.payment_method
    sandbox.script(
        member.payment_method, "insufficient_funds", "insufficient_funds", "approve"
    )
    pass_time(sandbox, clock, days=30, hours=2)
    recovery = the_recovery()
    assert recovery is not None
    assert recovery.status is RecoveryStatus.IN_RETRY
    with reading() as session:
        told = set(session.scalars(select(StripeEvent.type)))
    assert "invoice.payment_failed" in told

    for _ in range(60):
        pass_time(sandbox, clock, hours=12)
        recovery = the_recovery()
        if recovery and recovery.status is RecoveryStatus.RECOVERED:
            break
    ours = [entry for entry in sandbox.ledger() if entry["idempotency_key"]]
    assert [entry["ok"] for entry in ours] == [False, True]

    page.goto("/")
    expect(page.locator("main")).to_contain_text("19.00 USD")
    expect(page.locator("main")).to_contain_text("Confirmed")
    page.goto(f"/subscriptions/{member.subscription}")
    expect(page.locator("main")).to_contain_text("Recovered")
