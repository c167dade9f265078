"""No secret and no card number ever shows: planted ones are looked for everywhere.

In pages and exports, in refusals and error pages, in logs down to DEBUG (the stripe
library's and the HTTP client's included), in cookies, in reprs, in the database.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, inspect, text
from werkzeug.test import TestResponse

from app import current, passwords
from app.config import Config
from app.domain.people import Role
from app.extensions import db
from app.sandbox import Sandbox
from app.sandbox.founding import CLIENT_ID, MERCHANT_KEY, PLATFORM_KEY
from app.services import imports, reconciler
from app.storage.models import StripeAccount
from app.storage.transaction import reading
from app.stripe_gateway import Credentials
from tests.builders import a_user
from tests.conftest import MONDAY
from tests.web.pages import csrf_of
from tests.web.routes import routes

TAB = "/account/payment-processor"
PASSWORD = "canary-password-4071"
SETTINGS: dict[str, Any] = {
    "secret_key": "canary-secret-key-9152",
    "metrics_token": "canary-metrics-token-6633",
    "stripe_webhook_secret": "whsec_canaryOfThePlatform",
}
# What people paste where it does not belong: refused, and told to nobody.
PASTED = (
    "sk_live_canaryPasted1234567890",
    "rk_live_canaryPasted1234567890",
    "whsec_canaryPasted1234567890",
    "4000056655665556",  # a card number
)


@pytest.fixture
def config(config: Config, sandbox: Sandbox) -> Config:
    return replace(
        config,
        stripe_api_base=sandbox.url,
        stripe_connect_base=sandbox.url,
        stripe_client_id=CLIENT_ID,
        stripe_secret_key=PLATFORM_KEY,
        public_url="http://127.0.0.1:9",
        **SETTINGS,
    )


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that anybody logs."""
    caplog.set_level(logging.DEBUG)
    for name in ("stripe", "urllib3", "sqlalchemy", "werkzeug", "waitress", "app"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


@pytest.fixture
def browser(app: Flask, logs: pytest.LogCaptureFixture) -> FlaskClient:
    """An owner who signed in with a password that is a canary."""
    sealed = passwords.hashed(PASSWORD)
    a_user(email="ann@example.com", role=Role.OWNER, password_hash=sealed)
    client = app.test_client()
    form = {"email": "ann@example.com", "password": PASSWORD}
    token = csrf_of(client, "/login")
    client.post("/login", data={"csrf_token": token, **form})
    return client


def _send(browser: FlaskClient, path: str, **form: str) -> TestResponse:
    token = csrf_of(browser, "/account/profile")
    return browser.post(path, data={"csrf_token": token, **form})


def _planted(config: Config) -> set[str]:
    """Every secret there is by now, in the clear."""
    with reading() as session:
        row = session.query(StripeAccount).one()
    vault = current.vault()
    return {
        MERCHANT_KEY,
        PLATFORM_KEY,
        PASSWORD,
        *SETTINGS.values(),
        *config.encryption_keys,
        vault.decrypt(row.sealed_api_key or ""),
        vault.decrypt(row.sealed_webhook_secret or ""),
    }


def _connect(browser: FlaskClient) -> None:
    """Connect by key, import, compare: whatever speaks to Stripe."""
    answer = _send(browser, f"{TAB}/stripe/key", api_key=MERCHANT_KEY)
    assert answer.status_code == 303
    imports.go_on(now=MONDAY)
    reconciler.reconcile(now=MONDAY)


def _all_pages(app: Flask, browser: FlaskClient) -> Iterator[tuple[str, bytes]]:
    for endpoint, method, address in routes(app):
        if method == "GET" and endpoint != "static":
            answer = browser.get(address)
            yield address, answer.data + str(answer.headers).encode()


def test_no_page_export_or_header_shows_a_secret(
    app: Flask, config: Config, browser: FlaskClient, viewer: FlaskClient
) -> None:
    _connect(browser)
    planted = _planted(config)
    for address, told in _all_pages(app, browser):
        for secret in planted:
            assert secret.encode() not in told, address
    # The one address that is a secret itself is for owners alone.
    with reading() as session:
        unguessable = session.query(StripeAccount).one().connection_key.encode()
    for address, told in _all_pages(app, viewer):
        assert unguessable not in told, address


@pytest.mark.parametrize("pasted", PASTED)
def test_what_is_pasted_in_the_wrong_place_is_told_to_nobody(
    config: Config,
    browser: FlaskClient,
    logs: pytest.LogCaptureFixture,
    pasted: str,
) -> None:
    _connect(browser)
    for path in ("key", "rotate", "webhook/secret"):
        told = _send(
            browser, f"{TAB}/stripe/{path}", api_key=pasted, webhook_secret=pasted[2:]
        )
        assert pasted not in told.text
        assert pasted not in browser.get(TAB).text
    assert pasted not in logs.text
    assert pasted.encode() not in _kept(config)


def test_no_log_line_tells_a_secret(
    app: Flask,
    config: Config,
    browser: FlaskClient,
    sandbox: Sandbox,
    logs: pytest.LogCaptureFixture,
) -> None:
    _connect(browser)
    for _ in _all_pages(app, browser):
        pass
    browser.post("/login", data={"password": PASSWORD})
    planted = _planted(config)
    # Refusals of Stripe's come from code of theirs: they are logged and told, too.
    sandbox.key(MERCHANT_KEY, revoke=["webhook_write", "invoice_write"])
    _send(browser, f"{TAB}/stripe/check")
    sandbox.key(MERCHANT_KEY, expired=True)
    _send(browser, f"{TAB}/stripe/check")
    assert len(logs.records) > 100  # something was listened to
    for secret in planted:
        assert secret not in logs.text


def test_no_repr_tells_a_secret(config: Config, browser: FlaskClient) -> None:
    _connect(browser)
    told = repr(config) + repr(current.parts()) + repr(Credentials(MERCHANT_KEY))
    with reading() as session:
        told += repr(session.query(StripeAccount).one())
    for secret in _planted(config):
        assert secret not in told


def test_neither_database_nor_cookies_hold_a_secret(
    config: Config, browser: FlaskClient
) -> None:
    _connect(browser)
    kept = _kept(config)
    assert b"acct_" in kept
    for secret in _planted(config):
        assert secret.encode() not in kept
    cookie = browser.get_cookie("metricsco")
    assert cookie
    assert "canary" not in cookie.value


def test_no_column_could_hold_a_card_number_or_a_security_code(app: Flask) -> None:
    """A card is known by brand, last four, month of expiry, Stripe's fingerprint and,
    where Stripe shows them, its bank and first six digits."""
    known = {"card_expiry", "last4", "fingerprint"}
    tables = inspect(db.engines["writer"])
    for table in tables.get_table_names():
        for column in tables.get_columns(table):
            name = str(column["name"])
            looks = re.search(r"pan$|card_number|cvc|cvv|security_code", name)
            assert not looks or name in known, f"{table}.{name}"


def _kept(config: Config) -> bytes:
    """All that the database holds, as bytes or as text."""
    if config.is_sqlite:
        file = Path(config.database_url.removeprefix("sqlite:///"))
        return b"".join(part.read_bytes() for part in file.parent.glob(f"{file.name}*"))
    engine = create_engine(config.database_url)
    with engine.connect() as connection:
        tables = inspect(engine).get_table_names()
        rows = [
            repr(connection.execute(text(f'SELECT * FROM "{table}"')).all())  # noqa: S608
            for table in tables
        ]
    engine.dispose()
    return "".join(rows).encode()
