"""`make pictures`: every page of the panel, as a person sees it, into `docs/pages`.

Runs a demo of its own for two minutes, then shows each page on a desk and on a phone,
by day and by night: the four beside each other, one file a page.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from app.config import ROOT
from app.demo import OWNER, Demo
from app.web.headers import HTMX
from tests.browser.conftest import BROWSERS, QUIET, needed

FOLDER = ROOT / "docs" / "pages"
WATCHED_FOR = 120.0  # seconds of the demo: a week of its merchant
DESK, PHONE = (1280, 900), (390, 900)
COLORS = 128  # enough for such pages, at a third of the bytes

FIRST = " > main tbody a[href^='/subscriptions/']"
RECOVERY = " > main a[href^='/recoveries/']"
# A page's file and its address; after a `>` the link to follow from there.
PAGES = {
    "dashboard": "/",
    "subscriptions": "/subscriptions",
    "subscription": f"/subscriptions?status=in_retry{FIRST}",
    "declines": "/declines",
    "recovery-recovered": f"/subscriptions?status=activated{FIRST}{RECOVERY}",
    "recovery-in-retry": f"/subscriptions?status=in_retry{FIRST}{RECOVERY}",
    "recovery-decisions": (
        f"/subscriptions?status=in_retry{FIRST}{RECOVERY} > main a[href$='/decisions']"
    ),
    "bulk-actions": "/bulk",
    "saved-views": "/views/subscriptions",
    "events": "/events",
    "strategies": "/strategies",
    "strategy-even-spread": "/strategies/even-spread",
    "strategy-dry-run": "/strategies/adaptive/dry-run",
    "strategy-of-ones-own": "/strategies/new",
    "strategy-calibration": "/strategies/calibration",
    "strategy-history": "/strategies/history",
    "experiments": "/strategies/experiments",
    "experiment-new": "/strategies/experiments/new",
    "profile": "/account/profile",
    "payment-processor": "/account/payment-processor",
    "payment-processor-complete": "/account/payment-processor/complete",
    "payment-processor-guide": "/account/payment-processor/guide",
    "security": "/account/security",
    "second-factor": "/account/security/second-factor",
    "team": "/account/team",
    "audit-trail": "/account/audit",
    "nothing-here": "/no-such-page",
}


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    demo = Demo()
    try:
        demo.start()
        time.sleep(WATCHED_FOR)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=needed(*BROWSERS), args=list(QUIET)
            )
            _take_all(browser, demo)
    finally:
        demo.end()
    return 0


def _take_all(browser: Browser, demo: Demo) -> None:
    views = list(_views(browser, demo))
    for name, address in {"sign-in": "/login", **PAGES}.items():
        shots = []
        for page, stranger in views:
            shown = stranger if name == "sign-in" else page
            _go(shown, demo.url, address)
            shots.append(Image.open(BytesIO(shown.screenshot())))
        _keep(shots, FOLDER / f"{name}.png")
        print(name)  # noqa: T201 - progress on long work


def _views(browser: Browser, demo: Demo) -> Iterator[tuple[Page, Page]]:
    """By width and hour: a page of somebody signed in, and one of a stranger."""
    for width, height in (DESK, PHONE):
        for scheme in ("light", "dark"):
            pages = []
            for _ in range(2):
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if scheme == "dark" else "light",
                )
                context.route(HTMX, lambda route: route.abort())
                pages.append(context.new_page())
            signed_in, stranger = pages
            signed_in.goto(f"{demo.url}/login")
            signed_in.fill("input[name=email]", OWNER)
            signed_in.fill("input[name=password]", demo.password)
            signed_in.keyboard.press("Enter")
            signed_in.wait_for_url(lambda url: "/login" not in url)
            yield signed_in, stranger


def _go(page: Page, url: str, address: str) -> None:
    first, *links = address.split(" > ")
    page.goto(url + first)
    for link in links:
        page.goto(url + str(page.locator(link).first.get_attribute("href")))


def _keep(shots: Sequence[Image.Image], file: Path) -> None:
    """The pictures beside each other, in few colors."""
    sheet = Image.new("RGB", (sum(s.width for s in shots), shots[0].height), "white")
    left = 0
    for shot in shots:
        sheet.paste(shot, (left, 0))
        left += shot.width
    few = sheet.resize((sheet.width // 2, sheet.height // 2), Image.Resampling.LANCZOS)
    # The other ways forget the few pixels of links and statuses: all came out grey.
    method = Image.Quantize.MAXCOVERAGE
    few.quantize(COLORS, method=method, kmeans=2).save(file, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
