"""What stands around every page: headers, error pages, navigation, fragments."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from app import create_app
from app.config import Config
from app.domain.account import ConnectionStatus
from app.extensions import db
from app.web import access
from app.web.headers import HTMX, content_security_policy
from app.web.rendering import render
from tests.builders import a_account
from tests.conftest import SetClock

TEMPLATES = Path(access.__file__).parent.parent / "templates"


def test_every_answer_forbids_what_it_does_not_need(client: FlaskClient) -> None:
    for address in ("/login", "/nowhere", "/static/app.css", "/healthz", "/"):
        with client.get(address) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in headers


def test_scripts_come_from_us_and_one_file_of_the_cdn(config: Config) -> None:
    assert f"script-src 'self' {HTMX};" in content_security_policy(config)


def test_a_form_may_lead_to_the_stripe_that_is_set(config: Config) -> None:
    sandbox = replace(config, stripe_connect_base="http://127.0.0.1:9000")
    policy = content_security_policy(sandbox)
    assert "form-action 'self' http://127.0.0.1:9000;" in policy
    assert "https://*.stripe.com" in content_security_policy(config)


def test_pages_are_not_kept_and_files_are(owner: FlaskClient) -> None:
    page = owner.get("/account/profile")
    assert page.headers["Cache-Control"] == "no-store"
    for address in re.findall(r'"(/static/[^"]+)"', page.text):
        with owner.get(address) as file:
            assert "immutable" in file.headers["Cache-Control"]


def test_no_template_has_code_or_style_in_it() -> None:
    for file in TEMPLATES.rglob("*.html"):
        text = file.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), file
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on", text), (
            file
        )


def test_every_form_that_changes_something_has_its_token() -> None:
    for file in TEMPLATES.rglob("*.html"):
        for form in re.findall(
            r'<form[^>]*method="post".*?</form>', file.read_text(), re.DOTALL
        ):
            assert "csrf_token()" in form, file


@pytest.mark.parametrize("status", [400, 403, 404, 405, 413, 422, 429, 500, 503])
def test_each_error_says_what_to_do(
    app: Flask, client: FlaskClient, status: int
) -> None:
    app.view_functions["sessions.new"] = lambda: abort(status)
    answer = client.get("/login")
    assert answer.status_code == status
    assert "<h1>" in answer.text
    assert re.search(r"<p>[A-Z][^<]+\.</p>", answer.text)
    assert answer.content_type.startswith("text/html")


def test_a_fault_of_ours_shows_nothing_of_itself(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> str:
        raise ValueError("sk_live_secret")

    app.view_functions["sessions.new"] = broken
    answer = client.get("/login")
    assert answer.status_code == 500
    assert "sk_live_secret" not in answer.text
    assert "a page broke" in caplog.text


def test_a_database_in_trouble_is_told_without_the_database(
    app: Flask, owner: FlaskClient
) -> None:
    def broken() -> str:
        raise OperationalError("SELECT secret", {}, Exception("disk I/O error"))

    app.view_functions["profile.show"] = broken
    answer = owner.get("/account/profile")
    assert answer.status_code == 503
    assert "secret" not in answer.text
    assert "Sign out" not in answer.text


def test_htmx_gets_an_error_as_a_notice(client: FlaskClient) -> None:
    answer = client.get("/nowhere", headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert answer.headers["HX-Retarget"] == "#notices"
    assert "<html" not in answer.text


@pytest.mark.parametrize(
    ("headers", "is_fragment"),
    [
        ({}, False),
        ({"HX-Request": "true"}, True),
        ({"HX-Request": "true", "HX-Boosted": "true"}, False),
        ({"HX-Request": "true", "HX-History-Restore-Request": "true"}, False),
        ({"HX-Request": "yes"}, False),
    ],
)
def test_a_fragment_is_for_htmx_alone(
    app: Flask, headers: dict[str, str], is_fragment: bool
) -> None:
    with app.test_request_context("/", headers=headers):
        answer = render(
            "errors/error.html",
            fragment="errors/_error.html",
            code=404,
            heading="Odd",
            advice="",
        )
    assert ("<html" not in answer.get_data(as_text=True)) is is_fragment
    assert "HX-Request" in answer.vary


@pytest.mark.parametrize(("role", "sees"), [("viewer", False), ("staff", True)])
def test_the_navigation_shows_what_one_may_open(
    role: str, sees: bool, request: pytest.FixtureRequest
) -> None:
    page = request.getfixturevalue(role).get("/account/profile").text
    assert ('href="/events"' in page) is sees
    assert '<a href="/account/profile" aria-current="page">' in page
    assert 'href="/account/team"' not in page


def test_the_banner_says_when_no_real_money_moves(owner: FlaskClient) -> None:
    said = "Test mode"
    assert said not in owner.get("/account/profile").text
    a_account(livemode=True, status=ConnectionStatus.DISCONNECTED)
    a_account(livemode=False)
    assert said in owner.get("/account/profile").text
    a_account(livemode=True)
    assert said not in owner.get("/account/profile").text


def test_over_https_cookies_and_browser_stay_there(
    config: Config, clock: SetClock
) -> None:
    app = create_app(
        replace(config, public_url="https://panel.example.com"), clock=clock
    )
    answer = app.test_client().get("/login")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()
