"""Finding, reading and acting, in a real browser: with script, without, accessible."""

import re
import subprocess
import tarfile

import pytest
from playwright.sync_api import Page, expect

from app.domain.recovery import RecoveryStatus
from app.storage.models import Recovery
from app.storage.transaction import reading
from tests.browser.conftest import CACHE, Open
from tests.builders import a_decline, a_recovery, a_subscription, an_attempt

pytestmark = pytest.mark.browser

AXE = "4.14.1"


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core as npm has it; it runs beside the page, not from it."""
    package = CACHE / f"axe-core-{AXE}.tgz"
    if not package.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "pack", "--silent", f"axe-core@{AXE}"], cwd=CACHE, check=True
        )
    with tarfile.open(package) as tar:
        found = tar.extractfile("package/axe.min.js")
        assert found
        return found.read().decode()


def _some_rows() -> int:
    """One recovery with a story, among others; its id."""
    for n in range(60):
        a_subscription(customer_name=f"Somebody {n}")
    made = a_subscription(customer_name="Ännchen Müller", declines=1)
    recovery = a_recovery(
        subscription_id=made.id, stripe_customer_id=made.stripe_customer_id
    )
    a_decline(recovery_id=recovery.id, stripe_customer_id=made.stripe_customer_id)
    an_attempt(recovery_id=recovery.id, probability=0.4)
    return recovery.id


def _subscription_of(recovery_id: int) -> str:
    with reading() as session:
        found = session.get_one(Recovery, recovery_id).subscription
        assert found
        return found.stripe_subscription_id


def _status(recovery_id: int) -> RecoveryStatus:
    with reading() as session:
        return session.get_one(Recovery, recovery_id).status


def _search(page: Page, text: str, *, has_script: bool) -> None:
    page.get_by_label("Search").fill(text)
    if not has_script:
        page.get_by_role("button", name="Show").click()


def test_a_search_narrows_the_list_and_stays_in_the_address(
    open_as: Open, has_script: bool
) -> None:
    _some_rows()
    page = open_as(script=has_script)
    page.goto("/subscriptions")
    expect(page.locator("tbody tr")).to_have_count(50)
    _search(page, "müller", has_script=has_script)
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=m"))
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(50)


def test_staff_pause_and_stop_and_read_why(open_as: Open, has_script: bool) -> None:
    recovery_id = _some_rows()
    page = open_as(script=has_script)
    page.goto(f"/recoveries/{recovery_id}")
    page.get_by_role("button", name="Pause").click()
    expect(
        page.get_by_text("Nothing is charged until a person resumes it")
    ).to_be_visible()
    assert _status(recovery_id) is RecoveryStatus.PAUSED
    page.locator("summary", has_text="Stop").click()
    page.get_by_label("Why").fill("moved away")
    page.get_by_role("button", name="Stop for good").click()
    expect(page.get_by_text("moved away").first).to_be_visible()
    assert _status(recovery_id) is RecoveryStatus.STOPPED


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_and_nothing_overflows(
    open_as: Open, axe: str, width: int, dark: bool
) -> None:
    recovery_id = _some_rows()
    page = open_as(width=width, dark=dark)
    for address in (
        "/",
        "/subscriptions",
        "/subscriptions?q=nobody",
        "/declines",
        "/subscriptions?lifecycle=in_retry&sort=-amount&columns=amount,last_code",
        "/declines?kind=soft&from=2026-01-01",
        "/views/subscriptions",
        "/bulk",
        f"/recoveries/{recovery_id}",
        f"/recoveries/{recovery_id}/strategy?strategy=fixed-ladder",
        f"/subscriptions/{_subscription_of(recovery_id)}",
    ):
        page.goto(address)
        page.evaluate(axe)
        found = page.evaluate("axe.run().then(r => r.violations.map(v => v.id))")
        assert found == [], address
        assert page.evaluate(
            "document.documentElement.scrollWidth <= window.innerWidth"
        ), address
