"""Connecting and leaving by OAuth, with the merchant's browser and Stripe's pages."""

from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from app.sandbox import Sandbox
from app.sandbox.founding import CLIENT_ID, MERCHANT, PLATFORM_KEY
from app.stripe_gateway import (
    ConnectedAccount,
    ConnectPlatform,
    Credentials,
    CredentialsRefused,
    OAuthRefused,
    StripeGateway,
)

BACK = "http://127.0.0.1:9/account/payment-processor/stripe/callback"


@pytest.fixture
def platform(sandbox: Sandbox) -> ConnectPlatform:
    return ConnectPlatform(
        CLIENT_ID, PLATFORM_KEY, api_base=sandbox.url, connect_base=sandbox.url
    )


def came_back_with(platform: ConnectPlatform, **choice: str) -> dict[str, str]:
    """What stands in the address to which Stripe sends the merchant back."""
    page = platform.authorize_url("state-1", BACK, "login")
    assert requests.get(page, timeout=5).ok
    answer = requests.post(page, data=choice, allow_redirects=False, timeout=5)
    assert answer.headers["Location"].startswith(BACK)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def test_a_merchant_connects_and_leaves(
    sandbox: Sandbox, platform: ConnectPlatform
) -> None:
    back = came_back_with(platform, choice="connect", account=MERCHANT)
    assert back["state"] == "state-1"

    connected = platform.exchange(back["code"])

    assert connected == ConnectedAccount(MERCHANT, False, "read_write")
    gateway = StripeGateway(
        Credentials(PLATFORM_KEY, MERCHANT),
        api_base=sandbox.url,
        connect_base=sandbox.url,
    )
    assert gateway.account().id == MERCHANT

    assert platform.deauthorize(MERCHANT) is None

    with pytest.raises(CredentialsRefused):
        gateway.account()
    again = platform.deauthorize(MERCHANT)
    assert isinstance(again, OAuthRefused)
    assert again.kind == "invalid_client"


def test_a_merchant_who_refuses_brings_no_code(platform: ConnectPlatform) -> None:
    back = came_back_with(platform, choice="refuse")

    assert back["error"] == "access_denied"
    assert "code" not in back


def test_a_code_works_once(platform: ConnectPlatform) -> None:
    back = came_back_with(platform, choice="connect", account=MERCHANT)
    platform.exchange(back["code"])

    again = platform.exchange(back["code"])

    assert isinstance(again, OAuthRefused)
    assert again.kind == "invalid_grant"


def test_a_wrong_platform_key_is_no_platform(sandbox: Sandbox) -> None:
    stranger = ConnectPlatform(CLIENT_ID, "sk_test_nobody", connect_base=sandbox.url)

    refused = stranger.exchange("ac_any")

    assert isinstance(refused, OAuthRefused)
    assert refused.kind == "invalid_client"
