"""'Send me a test', and `flask doctor`, against a panel that is really served."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from werkzeug.serving import make_server

from app import create_app
from app.config import Config
from app.extensions import db
from app.sandbox import Sandbox
from app.sandbox.founding import CLIENT_ID, MERCHANT_KEY, PLATFORM_KEY
from app.services import accounts, imports, webhook_test
from app.storage.models import StripeAccount
from app.storage.transaction import reading
from tests.conftest import MONDAY, SetClock


@pytest.fixture
def config(config: Config, sandbox: Sandbox) -> Config:
    """Settings whose PUBLIC_URL is really served, see `served`."""
    return replace(
        config,
        stripe_api_base=sandbox.url,
        stripe_connect_base=sandbox.url,
        public_url="http://127.0.0.1:9",
    )


@pytest.fixture
def served(app: Flask) -> Iterator[Flask]:
    """The panel answers at its PUBLIC_URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    set_config(app, public_url=f"http://127.0.0.1:{server.port}")
    yield app
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


def set_config(app: Flask, **changes: object) -> None:
    parts = app.extensions["metricsco"]
    config = replace(parts.config, **changes)
    app.extensions["metricsco"] = replace(parts, config=config)


def connected() -> int:
    return accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=MONDAY)


@pytest.mark.usefixtures("served")
def test_a_reachable_address_proves_itself_and_is_no_event_of_stripes() -> None:
    account_id = connected()

    tested = webhook_test.send(account_id, now=MONDAY)
    assert tested.arrived, tested.sentence
    with reading() as session:
        assert session.get_one(StripeAccount, account_id).last_event_at is None


@pytest.mark.usefixtures("app")
def test_an_address_that_leads_nowhere_is_explained() -> None:
    tested = webhook_test.send(connected(), now=MONDAY)

    assert not tested.arrived
    assert "Nothing answers at http://127.0.0.1:9" in tested.sentence
    assert "reverse proxy" in tested.sentence


def test_an_address_that_leads_elsewhere_is_explained(
    app: Flask, sandbox: Sandbox
) -> None:
    account_id = connected()
    set_config(app, public_url=sandbox.url)

    tested = webhook_test.send(account_id, now=MONDAY)
    assert not tested.arrived
    assert "another program" in tested.sentence


@pytest.mark.usefixtures("app")
def test_without_a_secret_it_says_so(sandbox: Sandbox) -> None:
    sandbox.key(MERCHANT_KEY, revoke=["webhook_write"])

    assert "no signing secret" in webhook_test.send(connected(), now=MONDAY).sentence


def doctor(app: Flask) -> tuple[int, str]:
    """Exit code and text."""
    result = app.test_cli_runner().invoke(args=["doctor"])
    return result.exit_code, result.output


class TestDoctor:
    def test_all_is_well(self, served: Flask) -> None:
        connected()

        code, text = doctor(served)
        assert code == 0, text
        assert "Stripe accepts our access" in text
        assert "The test event arrived" in text
        assert MERCHANT_KEY not in text

    def test_each_fault_has_its_sentence(self, app: Flask, sandbox: Sandbox) -> None:
        connected()
        sandbox.key(MERCHANT_KEY, revoke=["invoice_write", "charge_read"])

        code, text = doctor(app)
        assert code == 1
        assert "rak_invoice_write, rak_charge_read" in text
        assert "Nothing answers at" in text

    def test_a_revoked_key_is_a_fault(self, served: Flask, sandbox: Sandbox) -> None:
        connected()
        sandbox.key(MERCHANT_KEY, expired=True)

        code, text = doctor(served)
        assert code == 1
        assert "does not accept our access" in text

    def test_stripe_that_does_not_answer_is_a_fault(
        self, served: Flask, sandbox: Sandbox
    ) -> None:
        connected()
        sandbox.stop()

        code, text = doctor(served)
        assert code == 1
        assert "could not be asked" in text

    def test_settings_that_are_not_in_force_are_a_fault(
        self,
        served: Flask,
        sandbox: Sandbox,
        clock: SetClock,
    ) -> None:
        sandbox.retries(mode="smart")
        member = sandbox.subscriber()
        assert member.payment_method
        sandbox.script(member.payment_method, default="insufficient_funds")
        sandbox.advance(days=31)
        clock.advance(days=31)
        accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=clock.now())
        imports.go_on(now=clock.now())

        code, text = doctor(served)
        assert code == 1
        assert "Stripe has a retry of its own planned" in text

    def test_a_wrong_platform_key_is_a_fault(self, served: Flask) -> None:
        set_config(served, stripe_client_id=CLIENT_ID, stripe_secret_key="sk_test_no1")
        code, text = doctor(served)
        assert code == 1
        assert "STRIPE_SECRET_KEY" in text

        set_config(served, stripe_secret_key=PLATFORM_KEY)
        assert doctor(served)[0] == 0

    def test_an_unmigrated_database_is_a_fault_and_nothing_else_is_tried(
        self, unmade_config: Config
    ) -> None:
        app = create_app(unmade_config)
        result = app.test_cli_runner().invoke(args=["doctor"])
        with app.app_context():
            for engine in db.engines.values():
                engine.dispose()

        assert result.exit_code == 1
        assert "flask --app app db upgrade" in result.output
