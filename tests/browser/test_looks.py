"""What a table looks like where there is little room."""

import pytest
from playwright.sync_api import Page, expect

from app.domain.recovery import RecoveryStatus
from tests.browser.conftest import Open
from tests.builders import a_decline, a_recovery, a_subscription

pytestmark = pytest.mark.browser

NAME = "Oluwaseun Adeyemi"
WHY = "The card was reported stolen; do not tell the customer so. " * 3

# In how many pieces the name's first word is written, and by how many pixels a table
# hangs over its card, where it cannot be scrolled.
PIECES = """name => {
  const text = name.querySelector("bdi").firstChild, range = document.createRange();
  range.setStart(text, 0); range.setEnd(text, text.data.indexOf(" "));
  return range.getClientRects().length;
}"""
OVER = """() => Math.max(0, ...[...document.querySelectorAll(".card > table")].map(
  table => table.getBoundingClientRect().right
    - table.closest(".card").getBoundingClientRect().right))"""


def _somebody_waits() -> None:
    made = a_subscription(customer_name=NAME)
    recovery = a_recovery(
        subscription_id=made.id,
        status=RecoveryStatus.WAITING_FOR_CUSTOMER,
        status_reason=WHY,
        stripe_customer_id=made.stripe_customer_id,
    )
    a_decline(
        recovery_id=recovery.id,
        stripe_customer_id=made.stripe_customer_id,
        decline_code="stolen_card",
    )


@pytest.mark.parametrize("address", ["/", "/declines", "/subscriptions"])
@pytest.mark.parametrize("width", [768, 1280])
def test_no_name_is_broken_and_no_table_leaves_its_card(
    open_as: Open, address: str, width: int
) -> None:
    _somebody_waits()
    page = open_as(width=width)
    page.goto(address)
    assert page.locator("tbody th a").first.evaluate(PIECES) == 1
    assert page.evaluate(OVER) <= 1


def test_a_phone_shows_what_acts_once_something_is_chosen(open_as: Open) -> None:
    _somebody_waits()
    page = open_as(width=390)
    page.goto("/subscriptions")
    stop = page.get_by_role("button", name="Stop…")
    expect(stop).to_be_hidden()
    page.locator("input[name=id]").first.check()
    expect(stop).to_be_visible()


def _labels(page: Page) -> list[str]:
    cells = page.locator("tbody tr").first.locator("td:visible")
    return [str(cell.get_attribute("data-label")) for cell in cells.all()]


def test_a_phone_leaves_out_what_has_no_value(open_as: Open) -> None:
    a_subscription(next_retry_at=None, recovered_amount=0)
    page = open_as(width=1280)
    page.goto("/subscriptions")
    assert {"Next retry", "Recovered"} <= set(_labels(page))
    page.set_viewport_size({"width": 390, "height": 844})
    assert not {"Next retry", "Recovered"} & set(_labels(page))


def test_what_has_the_focus_is_seen_on_a_phone(open_as: Open) -> None:
    """The headings of a list, which order it, are links that cards have no room for."""
    a_subscription()
    page = open_as(width=390)
    page.goto("/subscriptions")
    page.locator("thead a").first.focus()
    seen = page.locator("thead").bounding_box()
    assert seen
    assert seen["height"] > 20


def test_what_is_wrong_has_the_focus(open_as: Open, has_script: bool) -> None:
    page = open_as(script=has_script)
    page.goto("/strategies/new")
    page.get_by_label("Name").fill("9 lives")
    page.get_by_role("button", name="Save", exact=True).last.click()
    name = page.get_by_label("Name")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_be_focused()
    expect(name).to_have_value("9 lives")
    expect(page.locator("#h-name")).to_contain_text("begins with a letter")

    page.get_by_label("Name").fill("nine-lives")
    page.locator("#f-1-window_days").fill("many")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.locator("#f-1-window_days")).to_be_focused()

    page.goto("/account/profile")
    page.locator("#f-old_password").fill("not it")
    page.locator("#f-new_password").fill("a long new password")
    page.get_by_role("button", name="Change the password").click()
    expect(page.locator("#f-old_password")).to_be_focused()
