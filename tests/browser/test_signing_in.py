"""Signing in with a second factor, and ending sessions, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from app import current, passwords
from app.domain.people import Role
from app.storage.models import User
from tests.browser.conftest import Open
from tests.conftest import a_user
from tests.web.pages import PASSWORD
from tests.web.test_second_factor import code_at

pytestmark = pytest.mark.browser


@pytest.fixture
def ann(app: object) -> User:
    sealed = passwords.hashed(PASSWORD)
    return a_user(Role.OWNER, email="ann@example.com", password_hash=sealed)


def _fits(page: Page) -> None:
    """No page is wider than the window."""
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.evaluate("innerWidth"), page.url


def _set_up(page: Page) -> tuple[str, list[str]]:
    """As a person does it; the secret and the recovery codes."""
    page.goto("/account/security")
    page.get_by_role("link", name="Set it up").click()
    page.get_by_role("button", name="Set it up").click()
    expect(page.locator("svg.qr")).to_be_visible()
    _fits(page)
    secret = page.get_by_label("Secret").input_value()
    code = code_at(secret, current.wall())
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name="Turn on").click()
    codes = page.get_by_role("textbox", name="Recovery codes").input_value()
    expect(page.get_by_text("After your password you are asked")).to_be_visible()
    return secret, codes.split()


def _first_step(page: Page) -> None:
    page.goto("/declines")
    page.get_by_label("E-mail address").fill("ann@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Your code")).to_be_visible()


def test_a_second_factor_from_the_qr_code_to_the_next_sign_in(
    open_as: Open, ann: User, has_script: bool
) -> None:
    page = open_as(ann, script=has_script, width=390)
    secret, codes = _set_up(page)
    assert len(codes) == 10
    page.context.clear_cookies()
    _first_step(page)
    _fits(page)
    page.get_by_label("Code of your authenticator app").fill("000000")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("does not fit")
    # The app's code of this half minute was used above: the next one is good already.
    page.get_by_label("Code of your authenticator app").fill(
        code_at(secret, current.wall(), steps=1)
    )
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/declines$"))
    page.context.clear_cookies()
    _first_step(page)
    page.get_by_label("Code of your authenticator app").fill(codes[0])
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/declines$"))


def test_another_browser_is_signed_out_from_here(
    open_as: Open, ann: User, has_script: bool
) -> None:
    here, there = open_as(ann, script=has_script), open_as(ann)
    there.goto("/declines")
    here.goto("/account/security")
    expect(here.locator("tbody tr")).to_have_count(2)
    _fits(here)
    here.get_by_role("row").filter(has_not_text="this one").get_by_role(
        "button", name="Sign out"
    ).click()
    expect(here.get_by_text("That browser is signed out.")).to_be_visible()
    expect(here.locator("tbody tr")).to_have_count(1)
    there.goto("/subscriptions")
    expect(there.get_by_role("heading", name="Sign in")).to_be_visible()
    here.goto("/subscriptions")
    expect(here.get_by_role("heading", name="Subscriptions")).to_be_visible()
