"""Acting on many recoveries in a real browser: with script, and without."""

import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from app.domain.people import Role
from app.domain.recovery import RecoveryStatus
from app.services import bulk_work
from app.storage.models import Recovery
from app.storage.transaction import reading
from tests.browser.conftest import Open
from tests.builders import a_recovery, a_subscription
from tests.conftest import MONDAY, a_user

pytestmark = pytest.mark.browser


def _some(many: int) -> None:
    for n in range(many):
        made = a_subscription(customer_name=f"Customer {n:02}", status="past_due")
        a_recovery(subscription_id=made.id)


def _paused() -> int:
    paused = Recovery.status == RecoveryStatus.PAUSED
    with reading() as session:
        return session.scalar(select(func.count()).where(paused)) or 0


def test_staff_pause_what_they_ticked(open_as: Open, has_script: bool) -> None:
    _some(3)
    page = open_as(a_user(Role.STAFF), script=has_script)
    page.goto("/subscriptions?status=past_due")
    page.get_by_role("checkbox", name="Customer 00").check()
    if has_script:
        expect(page.locator("#chosen")).to_have_text("1 chosen")
        page.get_by_role("link", name="Customer 02").focus()
        page.keyboard.press("x")
        expect(page.locator("#chosen")).to_have_text("2 chosen")
    else:
        page.get_by_role("checkbox", name="Customer 02").check()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pause 2 recoveries?")
    assert _paused() == 0
    page.get_by_role("button", name="Pause 2 recoveries").click()
    expect(page.get_by_text("2 recoveries paused.")).to_be_visible()
    assert _paused() == 2


def test_progress_moves_by_itself_and_ends(
    open_as: Open, has_script: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.bulk.MEANWHILE", 0)
    _some(25)
    page = open_as(a_user(Role.STAFF), script=has_script)
    page.goto("/subscriptions?status=past_due")
    page.get_by_role("checkbox", name="All that is shown").check()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Looked at 10 of 25 recoveries")).to_be_visible()
    bulk_work.go_on(now=MONDAY)
    expect(page.get_by_role("button", name="Pause 25 recoveries")).to_be_visible()
    page.get_by_role("button", name="Pause 25 recoveries").click()
    expect(page.get_by_text("Worked through 10 of 25 recoveries")).to_be_visible()
    bulk_work.go_on(now=MONDAY)
    expect(page.get_by_text("25 recoveries paused.")).to_be_visible()
    assert "every 2s" not in page.content()
    assert _paused() == 25


def test_a_view_is_saved_and_opened_and_an_order_turned(
    open_as: Open, has_script: bool
) -> None:
    _some(3)
    page = open_as(a_user(Role.STAFF), script=has_script)
    page.goto("/subscriptions?status=past_due")
    page.get_by_role("link", name="Declines", exact=True).last.click()
    expect(page).to_have_url(re.compile("sort=-declines"))
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Declines")
    page.locator("summary", has_text="Save view").click()
    page.get_by_label("Name of this view").fill("Worth a call")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto("/subscriptions")
    page.get_by_role("link", name="Worth a call").click()
    expect(page).to_have_url(re.compile("status=past_due&sort=-declines"))
    page.get_by_role("link", name="Take away: At Stripe").click()
    expect(page).to_have_url(re.compile(r"subscriptions\?sort=-declines$"))
