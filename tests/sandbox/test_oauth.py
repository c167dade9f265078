"""Connecting an account through the OAuth pages, and parting again."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import stripe

from app.sandbox import Sandbox
from app.sandbox.founding import CLIENT_ID, LIVE_CLIENT_ID
from tests.sandbox.clients import MERCHANT, PLATFORM_KEY, client_for

BACK = "http://127.0.0.1:8000/callback"


@pytest.fixture
def platform(sandbox: Sandbox, session: requests.Session) -> stripe.StripeClient:
    return client_for(sandbox, PLATFORM_KEY, session=session)


def address(sandbox: Sandbox, **changes: str) -> str:
    query = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "scope": "read_write",
        "state": "s3cret",
        "redirect_uri": BACK,
        **changes,
    }
    return (
        requests.Request("GET", f"{sandbox.url}/oauth/authorize", params=query)
        .prepare()
        .url
        or ""
    )


def choose(
    sandbox: Sandbox, session: requests.Session, choice: str = "connect", **more: str
) -> dict[str, str]:
    """Press a button on the page; return what comes back in the address."""
    form = {"choice": choice, "account": MERCHANT, **more}
    page = address(sandbox, **({"client_id": LIVE_CLIENT_ID} if "live" in more else {}))
    answer = session.post(page, data=form, allow_redirects=False, timeout=5)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(BACK)
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


def exchange(platform: stripe.StripeClient, code: str) -> stripe.OAuth.OAuthToken:
    return platform.oauth.token({"grant_type": "authorization_code", "code": code})


def test_the_librarys_address_leads_to_the_page(
    sandbox: Sandbox, session: requests.Session, platform: stripe.StripeClient
) -> None:
    url = platform.oauth.authorize_url(
        {
            "client_id": CLIENT_ID,
            "scope": "read_write",
            "state": "x",
            "redirect_uri": BACK,
        }
    )
    assert url.startswith(sandbox.url)
    page = session.get(url, timeout=5)
    assert page.status_code == 200
    assert "Corner Shop" in page.text
    assert "Refuse" in page.text


def test_connecting_gives_a_token_and_access(
    sandbox: Sandbox, session: requests.Session, platform: stripe.StripeClient
) -> None:
    came_back = choose(sandbox, session)
    assert came_back["state"] == "s3cret"
    token = exchange(platform, came_back["code"])
    assert token.stripe_user_id == MERCHANT
    assert token.livemode is False
    assert token.scope == "read_write"
    sandbox.subscriber()
    seen = platform.v1.customers.list({}, {"stripe_account": MERCHANT})
    assert len(seen.data) == 1
    by_token = platform.v1.customers.list({}, {"api_key": token.access_token})
    assert len(by_token.data) == 1


def test_refusing_comes_back_with_an_error(
    sandbox: Sandbox, session: requests.Session
) -> None:
    came_back = choose(sandbox, session, "refuse")
    assert came_back["error"] == "access_denied"
    assert came_back["state"] == "s3cret"
    assert "code" not in came_back


def test_registering_makes_a_new_account(
    sandbox: Sandbox, session: requests.Session, platform: stripe.StripeClient
) -> None:
    page = session.get(address(sandbox, stripe_landing="register"), timeout=5)
    assert "Create your account" in page.text
    came_back = choose(sandbox, session, landing="register", name="Fresh & Co")
    token = exchange(platform, came_back["code"])
    account = platform.v1.accounts.retrieve_current(
        {}, {"stripe_account": token.stripe_user_id}
    )
    assert account.business_profile
    assert account.business_profile.name == "Fresh & Co"


def test_a_code_used_twice_takes_everything_back(
    sandbox: Sandbox, session: requests.Session, platform: stripe.StripeClient
) -> None:
    code = choose(sandbox, session)["code"]
    token = exchange(platform, code)
    with pytest.raises(stripe.oauth_error.InvalidGrantError):
        exchange(platform, code)
    with pytest.raises(stripe.AuthenticationError):
        platform.v1.customers.list({}, {"api_key": token.access_token})
    with pytest.raises(stripe.PermissionError):
        platform.v1.customers.list({}, {"stripe_account": MERCHANT})


def test_unknown_and_late_codes_are_invalid_grants(
    sandbox: Sandbox, session: requests.Session, platform: stripe.StripeClient
) -> None:
    with pytest.raises(stripe.oauth_error.InvalidGrantError):
        exchange(platform, "ac_unknown")
    code = choose(sandbox, session)["code"]
    sandbox.advance(seconds=300)
    with pytest.raises(stripe.oauth_error.InvalidGrantError, match="expired"):
        exchange(platform, code)


def test_a_code_of_the_other_mode_is_an_invalid_grant(
    sandbox: Sandbox, session: requests.Session, platform: stripe.StripeClient
) -> None:
    code = choose(sandbox, session, live="yes")["code"]
    with pytest.raises(stripe.oauth_error.InvalidGrantError, match="mode"):
        exchange(platform, code)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "ca_unknown"}, "invalid_client"),
        ({"redirect_uri": "https://evil.example/"}, "invalid_redirect_uri"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_a_wrong_address_shows_no_page(
    sandbox: Sandbox, session: requests.Session, changes: dict[str, str], error: str
) -> None:
    answer = session.get(address(sandbox, **changes), timeout=5)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] == error


def test_a_read_only_token_cannot_write(
    sandbox: Sandbox, session: requests.Session, platform: stripe.StripeClient
) -> None:
    page = address(sandbox, scope="read_only")
    form = {"choice": "connect", "account": MERCHANT}
    answer = session.post(page, data=form, allow_redirects=False, timeout=5)
    code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    options: stripe.RequestOptions = {
        "api_key": exchange(platform, code).access_token,
    }
    platform.v1.customers.list({}, options)
    with pytest.raises(stripe.PermissionError):
        platform.v1.customers.create({}, options)


@pytest.mark.parametrize("who", ["platform", "merchant"])
def test_parting_is_told_to_the_connect_endpoint_and_ends_access(
    sandbox: Sandbox,
    session: requests.Session,
    platform: stripe.StripeClient,
    who: str,
) -> None:
    sandbox.deliver(mode="hold")
    endpoint = platform.v1.webhook_endpoints.create(
        {
            "url": "http://127.0.0.1:1/",
            "enabled_events": ["account.application.deauthorized"],
            "connect": True,
        }
    )
    exchange(platform, choose(sandbox, session)["code"])
    if who == "platform":
        platform.oauth.deauthorize({"client_id": CLIENT_ID, "stripe_user_id": MERCHANT})
    else:
        sandbox.person("disconnect")
    (told,) = sandbox.take_deliveries()
    assert endpoint.secret
    event = platform.construct_event(
        told["body"], told["headers"]["Stripe-Signature"], endpoint.secret
    )
    assert event.account == MERCHANT
    assert event.data.object["object"] == "application"
    with pytest.raises(stripe.PermissionError):
        platform.v1.customers.list({}, {"stripe_account": MERCHANT})


def test_parting_from_a_stranger_is_refused(platform: stripe.StripeClient) -> None:
    with pytest.raises(stripe.oauth_error.InvalidClientError):
        platform.oauth.deauthorize({"client_id": CLIENT_ID, "stripe_user_id": MERCHANT})


def test_connect_events_carry_their_account_and_own_ones_do_not_arrive(
    sandbox: Sandbox, platform: stripe.StripeClient
) -> None:
    sandbox.deliver(mode="hold")
    platform.v1.webhook_endpoints.create(
        {
            "url": "http://127.0.0.1:1/",
            "enabled_events": ["customer.created"],
            "connect": True,
        }
    )
    sandbox.call("POST", "connect", {"account": MERCHANT})
    platform.v1.customers.create({"name": "The platform's own"})
    platform.v1.customers.create({"name": "Ann"}, {"stripe_account": MERCHANT})
    (told,) = sandbox.take_deliveries()
    assert f'"account": "{MERCHANT}"' in told["body"]
    assert "Ann" in told["body"]
