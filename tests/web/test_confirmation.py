"""What matters asks for the password again, unless it was given a moment ago."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import passwords
from app.domain.people import Role
from app.services import people
from app.storage.models import User
from tests.builders import a_account, a_user
from tests.conftest import SetClock
from tests.web.pages import PASSWORD, csrf_of, post

SignIn = Callable[[User], FlaskClient]
TAB = "/account/payment-processor"
# Every change of the panel, in one of two lists: who adds a route has to decide.
ASKING = {
    "payment_processor.connect_with_key",
    "payment_processor.disconnect",
    "stripe_connect.depart",
    "connection_upkeep.rotate",
    "connection_upkeep.replace_webhook",
    "connection_upkeep.save_webhook_secret",
    "account_access.update",
    "team.invite",
    "team.withdraw",
    "team.change_role",
    "team.remove",
    "team.reset_second_factor",
    "second_factor.begin",
    "second_factor.confirm",
    "second_factor.renew_codes",
}


@pytest.fixture
def ann(app: Flask) -> User:
    """An owner with a password."""
    return a_user(
        email="ann@example.com",
        role=Role.OWNER,
        password_hash=passwords.hashed(PASSWORD),
    )


@pytest.fixture
def stale(ann: User, sign_in: SignIn, clock: SetClock) -> FlaskClient:
    """A browser in which the password was given a while ago."""
    browser = sign_in(ann)
    clock.advance(minutes=16)
    return browser


def _addresses(app: Flask, endpoints: set[str]) -> dict[str, str]:
    adapter = app.url_map.bind("localhost")
    found = {}
    for rule in app.url_map.iter_rules():
        if rule.endpoint in endpoints and "POST" in (rule.methods or ()):
            found[rule.endpoint] = adapter.build(
                rule.endpoint, dict.fromkeys(rule.arguments, 1)
            )
    return found


def test_what_matters_is_refused_without_a_fresh_password(
    app: Flask, stale: FlaskClient
) -> None:
    a_account()
    token = csrf_of(stale, "/account/profile")
    for endpoint, address in _addresses(app, ASKING).items():
        answer = stale.post(address, data={"csrf_token": token, "email": "b@c.example"})
        if answer.status_code == 303:
            assert answer.location.startswith("/account/confirmation?next="), endpoint
        else:
            assert answer.status_code == 422, endpoint
            assert "Give your password again." in answer.text, endpoint


def test_nothing_else_of_connections_and_the_team_goes_unasked(app: Flask) -> None:
    guarded = ("/account/team", "/account/payment-processor")
    unasked = {
        "payment_processor.toggle",  # switching off must be one press
        "connection_upkeep.check",  # changes nothing at Stripe
        "connection_upkeep.test_webhook",
        "guide.check",
    }
    changing = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(guarded) and "POST" in (rule.methods or ())
    }
    own = {name for name in ASKING if name.startswith("second_factor.")}
    assert changing - unasked == ASKING - own


def test_a_sign_in_counts_for_a_quarter_of_an_hour(
    app: Flask, ann: User, client: FlaskClient, clock: SetClock
) -> None:
    post(client, "/login", email=ann.email, password=PASSWORD)
    assert "if given over 15 minutes ago" in client.get(TAB).text
    clock.advance(minutes=14)
    answer = post(client, f"{TAB}/stripe/key", page=TAB, api_key="sk_live_1")
    assert answer.status_code == 422
    clock.advance(minutes=2)
    assert "if given over 15 minutes ago" not in client.get(TAB).text
    answer = post(client, f"{TAB}/stripe/key", page=TAB, api_key="sk_live_1")
    assert answer.location == f"/account/confirmation?next={TAB}"


def test_the_form_may_bring_the_password_itself(stale: FlaskClient) -> None:
    form = {"api_key": "sk_live_1", "current_password": PASSWORD}
    answer = post(stale, f"{TAB}/stripe/key", page=TAB, **form)
    assert answer.status_code == 422  # refused for what it is, not for the password
    del form["current_password"]
    assert post(stale, f"{TAB}/stripe/key", page=TAB, **form).status_code == 422


def test_a_wrong_password_confirms_nothing(stale: FlaskClient) -> None:
    form = {"api_key": "sk_live_1", "current_password": "wrong"}
    answer = post(stale, f"{TAB}/stripe/key", page=TAB, **form)
    assert answer.location == f"/account/confirmation?next={TAB}"
    page = stale.get(answer.location)
    assert "not your current password" in page.text
    refused = post(stale, "/account/confirmation", current_password="wrong")
    assert refused.status_code == 422


def test_confirming_leads_back_and_is_remembered_at_the_server(
    ann: User, stale: FlaskClient, sign_in: SignIn, clock: SetClock
) -> None:
    cookie = stale.get_cookie("metricsco")
    asked = f"/account/confirmation?next={TAB}"
    answer = post(
        stale, "/account/confirmation", page=asked, current_password=PASSWORD, next=TAB
    )
    assert answer.location == TAB
    assert post(stale, "/account/team/invitations", page="/account/team").status_code
    assert cookie
    # The cookie from before the question names the same session: fresh by its row.
    stale.set_cookie("metricsco", cookie.value)
    assert "Your password" not in stale.get("/account/team").text
    other = sign_in(ann)
    clock.advance(minutes=16)
    assert "Your password" in other.get("/account/team").text


def test_nobody_is_led_away_after_confirming(stale: FlaskClient) -> None:
    answer = post(
        stale,
        "/account/confirmation",
        current_password=PASSWORD,
        next="//evil.example",
    )
    assert answer.location == "/"


def test_whoever_guesses_at_an_open_browser_has_to_wait(stale: FlaskClient) -> None:
    for n in range(11):
        answer = post(stale, "/account/confirmation", current_password=f"guess {n}")
    assert "Too many tries" in answer.text
    assert people.with_password("ann@example.com", PASSWORD)


def test_who_pastes_a_key_may_give_the_password_with_it(
    ann: User, sign_in: SignIn, clock: SetClock
) -> None:
    """Making a key at Stripe takes longer than a password stays fresh, and a pasted
    key that is refused for that is lost: Stripe shows it once."""
    browser = sign_in(ann)
    form = browser.get(TAB).text.split('action="/account/payment-processor/stripe/key"')
    (asked,) = re.findall(r'<input id="key-password"[^>]*>', form[1])
    assert 'name="current_password"' in asked
    assert "required" not in asked  # until it has to be
    clock.advance(minutes=16)
    (asked,) = re.findall(r'<input id="key-password"[^>]*>', browser.get(TAB).text)
    assert "required" in asked
