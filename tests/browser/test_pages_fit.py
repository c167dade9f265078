"""The pages of connecting fit a phone and a desk, by day and by night.

`pytest tests/browser/test_pages_fit.py --screenshots docs/images` keeps the pictures.
"""

from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page

from app.domain.people import Role
from app.sandbox import Sandbox
from app.sandbox.founding import MERCHANT_KEY
from app.services import accounts, imports
from tests.browser.conftest import Open
from tests.conftest import SetClock, a_user

pytestmark = pytest.mark.browser

TAB = "/account/payment-processor"
PAGES = {
    "payment-processor": TAB,
    "complete": f"{TAB}/complete",
    "settings-guide": f"{TAB}/guide",
    "dashboard": "/",
}


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Path | None:
    """Where to keep pictures, if anybody wants them."""
    folder = request.config.getoption("--screenshots", default=None)
    return Path(folder) if folder else None


@pytest.fixture
def _a_shop(app: object, sandbox: Sandbox, clock: SetClock) -> None:
    """Connected, imported, with one declined renewal."""
    sandbox.retries(mode="none")
    member = sandbox.subscriber(amount=2900)
    assert member.payment_method
    sandbox.script(member.payment_method, default="insufficient_funds")
    sandbox.advance(days=30, hours=3)
    clock.time = datetime.fromisoformat(sandbox.now())
    accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=clock.now())
    imports.go_on(now=clock.now())


@pytest.mark.usefixtures("_a_shop")
@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
@pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desk"])
def test_nothing_hangs_over_the_edge(
    open_as: Open, width: int, dark: bool, pictures: Path | None
) -> None:
    page = open_as(a_user(Role.OWNER), width=width, dark=dark)
    for name, address in PAGES.items():
        page.goto(address)
        for summary in page.locator("main details > summary").all():
            summary.click()
        assert overhang(page) == 0, address
        page.goto(address)
        if pictures and width == 1280 and not dark:
            page.screenshot(path=pictures / f"{name}.png")


@pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desk"])
def test_nothing_hangs_over_before_connecting(open_as: Open, width: int) -> None:
    page = open_as(a_user(Role.OWNER), width=width)
    page.goto(TAB)
    for summary in page.locator("main details > summary").all():
        summary.click()

    assert overhang(page) == 0


def overhang(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    wide: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return wide
