"""Connecting an account by OAuth: the page, the exchange, the way out."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from app.stripe_gateway import (
    ConnectedAccount,
    ConnectPlatform,
    CredentialsRefused,
    Landing,
    OAuthRefused,
    StripeUnavailable,
)
from tests.gateway.conftest import an_error, asked

TOKEN = "https://connect.stripe.com/oauth/token"
DEAUTHORIZE = "https://connect.stripe.com/oauth/deauthorize"


@pytest.fixture
def platform() -> ConnectPlatform:
    return ConnectPlatform("ca_1", "sk_test_Platform")


@pytest.mark.parametrize("landing", ["login", "register"])
def test_the_merchant_is_sent_to_stripes_own_page(landing: Landing) -> None:
    platform = ConnectPlatform("ca_1", "sk_test_x", connect_base="http://127.0.0.1:9")

    url = urlsplit(platform.authorize_url("st&te", "https://x.example/back", landing))

    assert f"{url.scheme}://{url.netloc}{url.path}" == (
        "http://127.0.0.1:9/oauth/authorize"
    )
    assert parse_qs(url.query) == {
        "response_type": ["code"],
        "client_id": ["ca_1"],
        "scope": ["read_write"],
        "state": ["st&te"],
        "redirect_uri": ["https://x.example/back"],
        "stripe_landing": [landing],
    }


def test_a_code_stands_for_an_account(
    platform: ConnectPlatform, wire: responses.RequestsMock
) -> None:
    token = {
        "access_token": "sk_test_Merchant",
        "livemode": False,
        "refresh_token": "rt_Merchant",
        "token_type": "bearer",
        "stripe_publishable_key": "pk_test_x",
        "stripe_user_id": "acct_1Lantern",
        "scope": "read_write",
    }
    wire.post(TOKEN, json=token)

    connected = platform.exchange("ac_Once")

    assert connected == ConnectedAccount("acct_1Lantern", False, "read_write")
    assert asked(wire.calls[0]) == {
        "grant_type": ["authorization_code"],
        "code": ["ac_Once"],
    }
    sent = wire.calls[0].request.headers["Authorization"]
    assert sent == "Bearer sk_test_Platform"
    assert "sk_test_Merchant" not in repr(connected)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_grant"),
        (401, "invalid_client"),
        (400, "invalid_request"),
        (400, "invalid_scope"),
        (400, "unsupported_grant_type"),
    ],
)
def test_a_refused_code_says_why(
    platform: ConnectPlatform, wire: responses.RequestsMock, status: int, kind: str
) -> None:
    body = {"error": kind, "error_description": "No such code: ac_Once"}
    wire.post(TOKEN, status=status, json=body)

    assert platform.exchange("ac_Once") == OAuthRefused(kind, "No such code: [secret]")


@pytest.mark.parametrize(
    "answer",
    [
        {"body": requests.ReadTimeout("slow")},
        {"status": 500, "json": {"error": "invalid_request"}},
        {"status": 503, "body": "busy"},
        {"status": 400, "json": {"error": "never_heard_of"}},
        {"status": 200, "json": {}},
        {"status": 200, "body": "[]"},
    ],
)
def test_a_code_is_never_used_twice_even_if_the_answer_is_lost(
    platform: ConnectPlatform, wire: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    wire.post(TOKEN, **answer)

    with pytest.raises(StripeUnavailable):
        platform.exchange("ac_Once")

    assert len(wire.calls) == 1


def test_a_wrong_platform_key_is_refused_credentials(
    platform: ConnectPlatform, wire: responses.RequestsMock
) -> None:
    wire.post(TOKEN, status=401, json=an_error(message="Invalid API Key"))

    with pytest.raises(CredentialsRefused):
        platform.exchange("ac_Once")


def test_leaving_revokes_our_access(
    platform: ConnectPlatform, wire: responses.RequestsMock
) -> None:
    wire.post(DEAUTHORIZE, json={"stripe_user_id": "acct_1"})

    assert platform.deauthorize("acct_1") is None
    assert asked(wire.calls[0]) == {"client_id": ["ca_1"], "stripe_user_id": ["acct_1"]}


def test_a_refused_leave_says_why(
    platform: ConnectPlatform, wire: responses.RequestsMock
) -> None:
    body = {"error": "invalid_client", "error_description": "Not connected."}
    wire.post(DEAUTHORIZE, status=401, json=body)

    refused = platform.deauthorize("acct_1")

    assert refused == OAuthRefused("invalid_client", "Not connected.")


@pytest.mark.parametrize(
    ("key", "livemode"), [("sk_live_x", True), ("sk_test_x", False)]
)
def test_the_mode_is_that_of_the_platforms_key(key: str, livemode: bool) -> None:
    assert ConnectPlatform("ca_1", key).livemode is livemode
