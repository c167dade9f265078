"""Each journey of connecting, in a real browser, with script and without."""

import re
from datetime import datetime

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from app.domain.account import ConnectionStatus
from app.sandbox import Sandbox
from app.sandbox.founding import MERCHANT_KEY
from app.services import accounts, imports, reconciler
from app.storage.models import StripeAccount
from app.storage.transaction import reading
from app.web.headers import HTMX
from tests.browser.conftest import Open
from tests.conftest import SetClock

pytestmark = pytest.mark.browser

TAB = "/account/payment-processor"


def the_row() -> StripeAccount:
    with reading() as session:
        return session.scalars(select(StripeAccount)).one()


def is_empty() -> bool:
    with reading() as session:
        return session.scalar(select(StripeAccount)) is None


@pytest.fixture
def page(open_as: Open, has_script: bool) -> Page:
    """The tab, as an owner sees it."""
    page = open_as(script=has_script)
    page.goto(TAB)
    return page


def paste(page: Page, key: str) -> None:
    page.get_by_label("Restricted key").fill(key)
    page.get_by_role("button", name="Connect", exact=True).click()


def heading(page: Page, name: str) -> Locator:
    return page.get_by_role("heading", name=name)


def test_htmx_is_taken_by_the_browser_with_the_hash_that_the_page_names(
    open_as: Open,
) -> None:
    page = open_as()
    refused: list[str] = []
    page.on(
        "console",
        lambda said: refused.append(said.text) if said.type == "error" else None,
    )
    page.goto(TAB)

    assert page.evaluate("typeof htmx") == "object"
    assert page.evaluate("htmx.version") in HTMX
    assert refused == []


def test_an_owner_connects_at_stripe_and_comes_back(page: Page) -> None:
    page.get_by_role("button", name="Connect with Stripe").click()
    page.wait_for_url("**/oauth/authorize*")
    page.locator("button[value=connect]").click()

    expect(
        page.get_by_role("heading", name="Your integration is complete")
    ).to_be_visible()
    expect(page.locator("main")).to_contain_text("Corner Shop")
    assert the_row().is_on


def test_an_owner_who_refuses_at_stripe_finds_nothing_changed(page: Page) -> None:
    page.get_by_role("button", name="Don't have a Stripe account yet?").click()
    page.wait_for_url("**stripe_landing=register**")
    page.locator("button[value=refuse]").click()

    expect(
        page.get_by_role("heading", name="You did not connect Stripe")
    ).to_be_visible()
    page.get_by_role("link", name="Back to Payment Processor").click()
    expect(page.locator("main")).to_contain_text("Not connected")
    assert is_empty()


def test_a_secret_key_is_refused_with_the_reason(page: Page) -> None:
    paste(page, "sk_test_sandboxMerchant")

    expect(page.get_by_role("alert")).to_contain_text("Stripe's policy")
    assert "sk_test_sandboxMerchant" not in page.content()
    assert is_empty()


def test_a_key_with_one_permission_missing_and_then_granted(
    page: Page, sandbox: Sandbox
) -> None:
    sandbox.key(MERCHANT_KEY, revoke=["charge_read"])
    paste(page, MERCHANT_KEY)
    expect(heading(page, "Almost complete")).to_be_visible()
    page.goto(TAB)
    row = page.get_by_role("row", name=re.compile("rak_charge_read"))
    expect(row).to_contain_text("Missing")

    sandbox.key(MERCHANT_KEY, grant=["charge_read"])
    page.get_by_role("button", name="Check again").click()
    expect(page.locator(".account")).to_contain_text("Connected")
    expect(page.locator(".account")).not_to_contain_text("lacks the permission")
    assert the_row().status is ConnectionStatus.CONNECTED


def test_the_switch_goes_off_and_on(page: Page, has_script: bool) -> None:
    paste(page, MERCHANT_KEY)
    page.goto(TAB)
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    switch = page.get_by_role("switch", name="Retry declined renewals")
    expect(switch).to_be_checked()

    switch.click()
    expect(switch).not_to_be_checked()
    expect(page.locator(".account")).to_contain_text("Retries are off")
    assert not the_row().is_on
    switch.click()
    expect(switch).to_be_checked()
    assert the_row().is_on
    # With script the card is swapped and the page stays.
    assert bool(loads) is not has_script


def test_disconnecting_keeps_the_history_and_can_be_undone(page: Page) -> None:
    paste(page, MERCHANT_KEY)
    page.goto(TAB)
    page.locator("summary", has_text="Disconnect").click()
    page.get_by_role("button", name="Disconnect Corner Shop").click()

    expect(page.locator("#notices")).to_contain_text("your data is kept")
    expect(page.locator(".account")).to_contain_text("Disconnected")
    paste(page, MERCHANT_KEY)
    expect(
        page.get_by_role("heading", name="Your integration is complete")
    ).to_be_visible()
    assert the_row().status is ConnectionStatus.CONNECTED


def test_the_import_is_watched_until_it_is_done(
    page: Page, has_script: bool, clock: SetClock
) -> None:
    paste(page, MERCHANT_KEY)
    expect(page.locator("main")).to_contain_text("Importing")

    imports.go_on(now=clock.now())
    if not has_script:
        page.reload()
    expect(page.locator("main")).to_contain_text("Everything open is here")


def test_the_doctor_changes_its_mind_as_the_settings_change(
    page: Page, sandbox: Sandbox, clock: SetClock
) -> None:
    sandbox.retries(mode="smart")
    account_id = accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=clock.now())
    imports.go_on(now=clock.now())
    page.goto(f"{TAB}/guide")
    doctor = page.locator("#doctor")
    expect(doctor).to_contain_text("Not known yet")

    decline_a_renewal(sandbox, clock)
    reconciler.reconcile(now=clock.now())
    page.get_by_role("button", name="Check again").click()
    expect(doctor).to_contain_text("Not in force")
    expect(doctor.get_by_role("link", name="See it at Stripe").first).to_be_visible()

    sandbox.retries(mode="none")
    decline_a_renewal(sandbox, clock)
    reconciler.reconcile(now=clock.now())
    page.get_by_role("button", name="Check again").click()
    expect(doctor.get_by_text("Confirmed").first).to_be_visible()
    page.goto("/")
    expect(page.locator("main")).to_contain_text("Confirmed")
    assert account_id == the_row().id


def decline_a_renewal(sandbox: Sandbox, clock: SetClock) -> None:
    member = sandbox.subscriber()
    assert member.payment_method
    sandbox.script(member.payment_method, default="insufficient_funds")
    sandbox.advance(days=30, hours=5)
    clock.time = datetime.fromisoformat(sandbox.now())


def test_the_test_event_arrives_through_the_address(page: Page) -> None:
    paste(page, MERCHANT_KEY)
    page.goto(TAB)
    page.locator("summary", has_text="Webhook").click()
    page.get_by_role("button", name="Send me a test").click()

    expect(page.locator("#notices")).to_contain_text("The test event arrived")
