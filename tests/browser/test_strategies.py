"""Building a strategy and starting an experiment in a real browser, on any width."""

import re

import pytest
from playwright.sync_api import Locator, expect

from app.domain.recovery import RecoveryStatus
from app.domain.strategies.own import Definition, Line
from app.services import experiments, own_strategies
from app.services.experiments import Wish
from tests.browser.conftest import Open
from tests.builders import a_account, a_decline, a_recovery, a_user, the_account
from tests.conftest import MONDAY

pytestmark = pytest.mark.browser

PAGES = (
    "/strategies",
    "/strategies/adaptive",
    "/strategies/hands-off",
    "/strategies/even-spread/dry-run",
    "/strategies/new",
    "/strategies/experiments",
    "/strategies/experiments/new",
    "/strategies/calibration",
)


def _some_recoveries() -> None:
    account = a_account()
    for status in (RecoveryStatus.IN_RETRY, RecoveryStatus.RECOVERED):
        recovery = a_recovery(account_id=account.id, status=status)
        a_decline(recovery_id=recovery.id, account_id=account.id)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_pages_of_strategies_fit(open_as: Open, width: int) -> None:
    _some_recoveries()
    page = open_as(width=width)
    for address in PAGES:
        page.goto(address)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, address


def test_a_strategy_is_built_line_by_line(open_as: Open, has_script: bool) -> None:
    _some_recoveries()
    page = open_as(script=has_script)
    page.goto("/strategies")
    page.get_by_role("link", name="Build your own").click()
    page.get_by_label("Name").fill("Gentle spring")
    page.locator("#f-1-codes").fill("stolen_card")
    page.get_by_role("button", name="Save", exact=True).last.click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Line 1: stolen_card is never charged again")
    page.locator("#f-1-then").select_option("ask")
    page.get_by_role("button", name="Add a line").click()
    page.locator("#f-2-delays").fill("1, 3, 8")
    page.locator("#f-2-then").select_option("delays")
    page.get_by_role("button", name="Show what it does").click()
    expect(page.get_by_text("What it would do")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page).to_have_url(re.compile("/strategies/gentle-spring$"))
    expect(page.get_by_text("retry 1 day, 3 days, 8 days").first).to_be_visible()
    page.goto("/strategies")
    page.get_by_role("combobox").select_option("gentle-spring")
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_text("those under way keep theirs")).to_be_visible()


def test_the_keyboard_goes_on_where_the_form_has_changed(open_as: Open) -> None:
    page = open_as()
    page.goto("/strategies/new")

    def press(name: str) -> None:
        button = page.get_by_role("button", name=name)
        button.focus()
        with page.expect_response("**/strategies/new"):
            page.keyboard.press("Enter")

    def first_of(number: int) -> Locator:
        return page.locator(f"#line-{number} input[type=checkbox]").first

    press("Add a line")
    expect(first_of(2)).to_be_focused()
    press("Move up")
    expect(first_of(1)).to_be_focused()
    press("Remove line 2")
    expect(first_of(1)).to_be_focused()
    press("Show what it does")
    expect(page.get_by_role("heading", name="What it would do")).to_be_focused()


def test_an_experiment_is_started_with_its_size_said_first(
    open_as: Open, has_script: bool
) -> None:
    _some_recoveries()
    page = open_as(script=has_script)
    page.goto("/strategies/experiments")
    expect(
        page.get_by_text(re.compile("declines a month you can show"))
    ).to_be_visible()
    page.get_by_role("link", name="New experiment").click()
    page.get_by_label("Name").fill("Winter")
    page.get_by_label("Customers in 100").fill("99")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("at least 5 of 100")).to_be_visible()
    page.get_by_label("Customers in 100").fill("50")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#verdict")).to_contain_text("Still measuring")
    page.locator("summary", has_text="Stop it").click()
    page.get_by_role("button", name="Stop for good").click()
    expect(page.get_by_text("is still counted")).to_be_visible()


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_what_is_asked_twice_stays_on_the_page(open_as: Open, width: int) -> None:
    _some_recoveries()
    owner = a_user()
    every = Definition((Line(tries=3),))
    own_strategies.create("mine", every, user_id=owner.id, now=MONDAY)
    wish = Wish(the_account().id, "Winter", "even-spread", "mine")
    number = experiments.start(wish, user_id=owner.id, now=MONDAY)
    page = open_as(width=width)
    for address in (
        "/recoveries/1",
        "/strategies/mine",
        f"/strategies/experiments/{number}",
    ):
        page.goto(address)
        for menu in page.locator("details.menu-of-one").all():
            menu.locator("summary").click()
            box = menu.locator("form").bounding_box()
            assert box
            assert box["x"] >= 0, address
            assert box["x"] + box["width"] <= width, address
            menu.locator("summary").click()
