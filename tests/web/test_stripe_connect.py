"""Connecting by OAuth: out to the sandbox's pages and back, and every way to fail."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.config import Config
from app.domain.account import ConnectionKind, ConnectionStatus
from app.domain.people import Role
from app.sandbox import Sandbox
from app.sandbox.founding import (
    CLIENT_ID,
    MERCHANT,
    MERCHANT_KEY,
    PLATFORM_KEY,
    PLATFORM_LIVE_KEY,
)
from app.services import platform
from app.services.connections import NotConnected, gateway_of, gateway_with
from app.services.troubles import note_trouble
from app.storage.models import StripeAccount, User
from app.storage.transaction import reading
from app.stripe_gateway import Credentials, CredentialsRefused
from tests.conftest import MONDAY, SetClock, a_user
from tests.web.pages import csrf_of

TAB = "/account/payment-processor"
PUBLIC = "http://127.0.0.1:9"

SignIn = Callable[[User], FlaskClient]


@pytest.fixture
def config(config: Config, sandbox: Sandbox) -> Config:
    """Settings with a Connect platform of the sandbox."""
    return replace(
        config,
        public_url=PUBLIC,
        stripe_api_base=sandbox.url,
        stripe_connect_base=sandbox.url,
        stripe_client_id=CLIENT_ID,
        stripe_secret_key=PLATFORM_KEY,
        stripe_webhook_secret="whsec_platform1",
    )


def post(client: FlaskClient, path: str, **form: str) -> TestResponse:
    token = csrf_of(client, TAB)
    return client.post(f"{TAB}{path}", data={"csrf_token": token, **form})


def depart(client: FlaskClient, **form: str) -> str:
    answer = post(client, "/stripe/connect", **form)
    assert answer.status_code == 303
    return answer.location


def at_stripe(page: str, choice: str = "connect") -> str:
    """What a merchant does there; the path and query that Stripe sends back to."""
    answer = requests.post(
        page,
        data={"choice": choice, "account": MERCHANT},
        allow_redirects=False,
        timeout=5,
    )
    back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}" == PUBLIC
    return f"{back.path}?{back.query}"


def rows() -> list[StripeAccount]:
    with reading() as session:
        return list(session.query(StripeAccount).order_by(StripeAccount.id))


def test_the_way_out_asks_stripe_for_reading_and_writing(owner: FlaskClient) -> None:
    for landing in ("login", "register"):
        asked = dict(parse_qsl(urlsplit(depart(owner, landing=landing)).query))
        assert asked["stripe_landing"] == landing
        assert asked["scope"] == "read_write"
        assert asked["redirect_uri"] == f"{PUBLIC}{TAB}/stripe/callback"
        assert asked["response_type"] == "code"
    assert "Connecting" in owner.get(TAB).text


def test_connecting_keeps_the_account_with_the_platforms_access(
    owner: FlaskClient,
) -> None:
    answer = owner.get(at_stripe(depart(owner)))

    assert answer.status_code == 303
    page = owner.get(answer.location).text
    assert "Your integration is complete" in page
    assert "Corner Shop" in page
    (row,) = rows()
    assert (row.stripe_account_id, row.kind) == (MERCHANT, ConnectionKind.CONNECT)
    assert row.is_on
    assert row.sealed_api_key is None
    assert gateway_of(row.id).account().id == MERCHANT


def test_disconnecting_ends_the_access_at_stripe(
    owner: FlaskClient, sandbox: Sandbox
) -> None:
    owner.get(at_stripe(depart(owner)))
    before = gateway_of(rows()[0].id)
    post(owner, "/stripe/disconnect")

    assert rows()[0].status is ConnectionStatus.DISCONNECTED
    with pytest.raises(CredentialsRefused):
        before.account()
    page = owner.get(TAB).text
    assert "Disconnected. Nothing is charged any more" in page
    assert "did not confirm" not in page


def test_a_refusal_at_stripe_is_a_calm_page_and_saves_nothing(
    owner: FlaskClient,
) -> None:
    answer = owner.get(at_stripe(depart(owner), choice="refuse"))

    assert answer.status_code == 200
    assert "nothing was saved" in answer.text
    assert rows() == []


def test_the_same_answer_twice_connects_once(owner: FlaskClient) -> None:
    back = at_stripe(depart(owner))
    owner.get(back)

    again = owner.get(back)
    assert again.status_code == 400
    assert "Nothing was connected" in again.text
    assert len(rows()) == 1
    assert rows()[0].status is ConnectionStatus.CONNECTED
    assert gateway_of(rows()[0].id).account().id == MERCHANT


def test_a_copied_session_cannot_use_the_state_a_second_time(
    owner: FlaskClient,
) -> None:
    # Sessions live in cookies: one copied before the way back still has the nonce.
    back = at_stripe(depart(owner))
    with owner.session_transaction() as session:
        copied = dict(session)
    owner.get(back)
    with owner.session_transaction() as session:
        session.update(copied)

    again = owner.get(back)
    assert again.status_code == 400
    assert "used already" in again.text


def test_an_answer_to_another_browser_or_person_is_refused(
    owner: FlaskClient, sign_in: SignIn
) -> None:
    back = at_stripe(depart(owner))
    other = sign_in(a_user(Role.OWNER, email="second@example.com"))

    for client in (other, sign_in(a_user(Role.OWNER, email="third@example.com"))):
        answer = client.get(back)
        assert answer.status_code == 400
        assert "did not" in answer.text or "does not belong" in answer.text
    assert rows() == []


@pytest.mark.parametrize("change", ["", "x", "tampered", "missing"])
def test_a_forged_state_is_refused(owner: FlaskClient, change: str) -> None:
    back = at_stripe(depart(owner))
    pairs = dict(parse_qsl(urlsplit(back).query))
    forged = {"tampered": pairs["state"][:-2] + "AA", "missing": None}
    state = forged.get(change, change)
    query = {**pairs, "state": state} if state is not None else {"code": pairs["code"]}

    answer = owner.get(f"{TAB}/stripe/callback", query_string=query)
    assert answer.status_code == 400
    assert rows() == []


def test_a_state_expires_after_an_hour(owner: FlaskClient, clock: SetClock) -> None:
    back = at_stripe(depart(owner))
    clock.advance(minutes=61)

    answer = owner.get(back)
    assert answer.status_code == 400
    assert "longer than an hour" in answer.text
    assert rows() == []


def test_a_code_that_stripe_does_not_take_is_explained(owner: FlaskClient) -> None:
    state = dict(parse_qsl(urlsplit(at_stripe(depart(owner))).query))["state"]

    answer = owner.get(
        f"{TAB}/stripe/callback", query_string={"state": state, "code": "ac_used"}
    )
    assert answer.status_code == 400
    assert "used already" in answer.text
    assert rows() == []


def test_no_answer_from_stripe_saves_nothing(
    owner: FlaskClient, sandbox: Sandbox
) -> None:
    back = at_stripe(depart(owner))
    sandbox.stop()

    answer = owner.get(back)
    assert answer.status_code == 503
    assert rows() == []


def test_what_stripe_says_is_shown_as_text(owner: FlaskClient) -> None:
    state = dict(parse_qsl(urlsplit(at_stripe(depart(owner))).query))["state"]

    answer = owner.get(
        f"{TAB}/stripe/callback",
        query_string={"state": state, "error": "x", "error_description": "<script>"},
    )
    assert answer.status_code == 400
    assert "<script>" not in answer.text.split("<main")[1]


def test_an_account_connected_by_key_is_not_taken_over(
    owner: FlaskClient, sandbox: Sandbox
) -> None:
    post(owner, "/stripe/key", api_key=MERCHANT_KEY)
    before = rows()[0]

    answer = owner.get(at_stripe(depart(owner)))
    assert answer.status_code == 409
    assert "connected already" in answer.text
    (row,) = rows()
    assert row.kind is ConnectionKind.KEY
    assert row.connection_key == before.connection_key


def test_access_that_was_lost_is_given_back_without_leaving_first(
    owner: FlaskClient, clock: SetClock
) -> None:
    owner.get(at_stripe(depart(owner)))
    note_trouble(rows()[0].id, "Stripe no longer accepts our access.", now=MONDAY)
    clock.advance(minutes=9)

    assert owner.get(at_stripe(depart(owner))).status_code == 303
    (row,) = rows()
    assert (row.status, row.trouble) == (ConnectionStatus.CONNECTED, None)
    # What came due in the meantime is planned anew, not fired all at once.
    assert row.charges_from == MONDAY + timedelta(minutes=9)


def test_the_platforms_webhook_is_made_once_where_no_setting_names_its_secret(
    owner: FlaskClient, sandbox: Sandbox
) -> None:
    forget_webhook_secret(owner)
    owner.get(at_stripe(depart(owner)))
    secret = platform.webhook_secret()
    assert secret
    assert "whsec_" not in owner.get(TAB).text

    post(owner, "/stripe/disconnect")
    owner.get(at_stripe(depart(owner)))
    assert platform.webhook_secret() == secret
    platforms = gateway_with(Credentials(PLATFORM_KEY)).webhook_endpoints()
    assert [endpoint.url for endpoint in platforms] == [f"{PUBLIC}/webhooks/stripe"]


def forget_webhook_secret(owner: FlaskClient) -> None:
    parts = owner.application.extensions["metricsco"]
    owner.application.extensions["metricsco"] = replace(
        parts, config=replace(parts.config, stripe_webhook_secret=None)
    )


def test_a_platform_key_of_the_other_mode_reaches_nothing_of_the_account(
    owner: FlaskClient, sandbox: Sandbox
) -> None:
    owner.get(at_stripe(depart(owner)))
    sandbox.call("POST", "connect", {"account": MERCHANT, "livemode": True})
    parts = owner.application.extensions["metricsco"]
    owner.application.extensions["metricsco"] = replace(
        parts, config=replace(parts.config, stripe_secret_key=PLATFORM_LIVE_KEY)
    )

    (row,) = rows()
    with pytest.raises(NotConnected, match="not for test mode"):
        gateway_of(row.id)
    # Nor does leaving it end what the merchant granted in live mode.
    post(owner, "/stripe/disconnect")
    assert rows()[0].status is ConnectionStatus.DISCONNECTED
    assert gateway_with(Credentials(PLATFORM_LIVE_KEY, MERCHANT)).account().livemode


def test_connecting_again_after_leaving_takes_up_the_same_row(
    owner: FlaskClient,
) -> None:
    owner.get(at_stripe(depart(owner)))
    post(owner, "/stripe/disconnect")
    owner.get(at_stripe(depart(owner)))

    (row,) = rows()
    assert row.status is ConnectionStatus.CONNECTED


def test_without_a_platform_the_address_says_what_to_do_instead(
    owner: FlaskClient,
) -> None:
    app = owner.application
    parts = app.extensions["metricsco"]
    app.extensions["metricsco"] = replace(
        parts, config=replace(parts.config, stripe_client_id=None)
    )

    assert "Connect with Stripe" not in owner.get(TAB).text
    answer = post(owner, "/stripe/connect")
    assert answer.status_code == 422
    assert "restricted key" in answer.text


@pytest.mark.parametrize("role", [Role.STAFF, Role.VIEWER])
def test_only_owners_connect(owner: FlaskClient, sign_in: SignIn, role: Role) -> None:
    back = at_stripe(depart(owner))
    other = sign_in(a_user(role))

    assert post(other, "/stripe/connect").status_code == 403
    assert other.get(back).status_code == 403
