"""What staff do with one recovery, in a real browser: with script and without."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Route, expect
from sqlalchemy import select

from app.domain.people import Role
from app.domain.recovery import RecoveryStatus
from app.storage.case_models import StaffNote
from app.storage.models import Recovery, Subscription
from app.storage.transaction import reading
from tests.browser.conftest import Open
from tests.builders import a_decline, a_recovery, a_subscription, an_attempt
from tests.conftest import MONDAY, a_user

pytestmark = pytest.mark.browser

HTML = "text/html"


def _a_case() -> Recovery:
    made = a_subscription(customer_name="Ännchen Müller")
    recovery = a_recovery(subscription_id=made.id)
    a_decline(recovery_id=recovery.id, occurred_at=MONDAY - timedelta(days=2))
    an_attempt(recovery_id=recovery.id)
    return recovery


def _row(recovery: Recovery) -> Recovery:
    with reading() as session:
        return session.get_one(Recovery, recovery.id)


def _notes() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(StaffNote.text)))


def test_a_note_is_taken_on_either_page(open_as: Open, has_script: bool) -> None:
    recovery = _a_case()
    page = open_as(script=has_script)
    with reading() as session:
        kept = session.get_one(Subscription, recovery.subscription_id)
    texts = {
        f"/recoveries/{recovery.id}": "Called the customer.",
        f"/subscriptions/{kept.stripe_subscription_id}": "Pays on Friday.",
    }
    for address, text in texts.items():
        page.goto(address)
        page.get_by_label("Take a note").fill(text)
        page.get_by_role("button", name="Keep the note").click()
        expect(page.get_by_text("The note is kept.")).to_be_visible()
        expect(page.locator(".note-text", has_text=text)).to_be_visible()
    assert _notes() == ["Called the customer.", "Pays on Friday."]


def test_a_strategy_is_looked_at_then_changed(open_as: Open, has_script: bool) -> None:
    recovery = _a_case()
    page = open_as(script=has_script)
    page.goto(f"/recoveries/{recovery.id}")
    page.get_by_role("link", name="Change strategy").click()
    page.get_by_label("Strategy").select_option("fixed-ladder")
    if not has_script:
        page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_role("heading", name="By Fixed ladder")).to_be_visible()
    assert _row(recovery).strategy == "even-spread"
    page.get_by_role("button", name="Change to Fixed ladder").click()
    expect(page.get_by_text("The strategy is changed.")).to_be_visible()
    assert _row(recovery).strategy == "fixed-ladder"


def test_the_second_of_two_reads_what_the_first_did(
    open_as: Open, has_script: bool
) -> None:
    recovery = _a_case()
    first, second = (
        open_as(
            a_user(Role.STAFF, email=f"{name}@example.com", name=name),
            script=has_script,
        )
        for name in ("Ada", "Bo")
    )
    second.route("**/recoveries/*?seen=*", lambda route: route.abort())
    for page in (first, second):
        page.goto(f"/recoveries/{recovery.id}")
    first.get_by_role("button", name="Pause").click()
    expect(first.get_by_text("Nothing is charged until")).to_be_visible()
    second.locator("summary", has_text="Stop").click()
    second.get_by_role("button", name="Stop for good").click()
    expect(second.get_by_text("Somebody was quicker.")).to_be_visible()
    expect(second.locator(".notice", has_text="Ada").first).to_be_visible()
    assert _row(recovery).status is RecoveryStatus.PAUSED


def test_a_period_is_chosen_by_a_link(open_as: Open, has_script: bool) -> None:
    _a_case()
    page = open_as(script=has_script)
    page.goto("/")
    page.get_by_role("link", name="7 days").click()
    expect(page).to_have_url(re.compile(r"period=7d"))
    chosen = page.get_by_role("link", name="7 days")
    expect(chosen).to_have_attribute("aria-current", "true")


def test_news_do_not_take_away_what_is_being_written(open_as: Open) -> None:
    recovery = _a_case()
    page = open_as()
    page.goto(f"/recoveries/{recovery.id}")
    page.get_by_label("Take a note").fill("Half a sen")
    page.get_by_role("heading", name="Facts").click()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(4500)  # longer than between two questions for news
    expect(page.get_by_label("Take a note")).to_have_value("Half a sen")
    assert not [url for url in asked if "seen=" in url]


def test_a_lost_connection_is_said_and_taken_back(open_as: Open) -> None:
    recovery = _a_case()
    page = open_as()
    page.goto(f"/recoveries/{recovery.id}")
    page.context.set_offline(True)
    banner = page.get_by_role("alert")
    expect(banner).to_contain_text("No connection")
    page.get_by_role("button", name="Pause").click()
    expect(banner).to_contain_text("not known whether what you sent has arrived")
    page.context.set_offline(False)
    expect(banner).to_be_hidden()
    assert _row(recovery).status is RecoveryStatus.IN_RETRY


@pytest.mark.parametrize("status", [404, 502])
def test_an_error_to_a_part_of_the_page_is_a_sentence(
    open_as: Open, status: int
) -> None:
    recovery = _a_case()
    page = open_as()
    page.goto(f"/recoveries/{recovery.id}")
    address = f"**/recoveries/{recovery.id}/pause"
    if status == 404:
        moved = page.url.rpartition("/")[0] + "/999"

        def elsewhere(route: Route) -> None:
            route.continue_(url=f"{moved}/pause")

        page.route(address, elsewhere)
        said = page.locator("#notices", has_text="No recovery with this number")
    else:
        proxy = "<html><h1>Bad gateway</h1></html>"
        page.route(
            address,
            lambda route: route.fulfill(status=502, body=proxy, content_type=HTML),
        )
        said = page.get_by_role("alert").filter(has_text="does not answer as it should")
    page.get_by_role("button", name="Pause").click()
    expect(said).to_be_visible()
    expect(page.get_by_text("Bad gateway")).to_have_count(0)
    expect(page.get_by_role("heading", name="Facts")).to_be_visible()


def test_the_keys_help_and_lead_to_the_note(open_as: Open) -> None:
    recovery = _a_case()
    page = open_as()
    page.goto(f"/recoveries/{recovery.id}")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Take a note")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("t")
    expect(page.get_by_label("Take a note")).to_be_focused()
