"""Walks the whole URL map: who gets past, and who is sent where."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.domain.people import Role
from app.services import people
from app.web.access import PUBLIC, needed_role
from tests.builders import a_user
from tests.conftest import MONDAY
from tests.web.routes import routes, who_may


def test_every_route_is_in_the_list_of_who_may(app: Flask) -> None:
    found = {
        (method, endpoint): (
            "public" if endpoint in PUBLIC else str(needed_role(endpoint, method))
        )
        for endpoint, method, _ in routes(app)
    }
    assert found == who_may()


def test_a_stranger_meets_the_sign_in_form_everywhere(
    app: Flask, client: FlaskClient
) -> None:
    for endpoint, method, address in routes(app):
        if endpoint in PUBLIC:
            continue
        answer = client.open(address, method=method)
        assert answer.status_code == 303, f"{method} {address}"
        assert answer.location.startswith("/login"), address


def test_what_is_public_is_there(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert endpoints >= PUBLIC


@pytest.mark.parametrize("role", Role)
def test_a_role_that_is_too_low_is_refused_everywhere(
    app: Flask, sign_in: Callable[..., FlaskClient], role: Role
) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    browser = sign_in(a_user(role=role))
    for endpoint, method, address in routes(app):
        if endpoint in PUBLIC or role.may(needed_role(endpoint, method)):
            continue
        answer = browser.open(address, method=method)
        assert answer.status_code == 403, f"{role}: {method} {address}"
        assert "Ask an owner" in answer.text


@pytest.mark.parametrize("role", Role)
def test_whoever_may_read_a_page_gets_an_answer(
    app: Flask, sign_in: Callable[..., FlaskClient], role: Role
) -> None:
    client = sign_in(a_user(role=role))
    for endpoint, method, address in routes(app):
        if method == "GET" and role.may(needed_role(endpoint, method)):
            status = client.get(address).status_code
            assert status < 500 or endpoint == "health.ready", address
            assert endpoint in PUBLIC or status != 403, address


def test_every_change_needs_its_token(
    app: Flask, sign_in: Callable[..., FlaskClient]
) -> None:
    owner = sign_in(a_user(role=Role.OWNER))
    for _, method, address in routes(app):
        for headers in ({}, {"HX-Request": "true"}):
            if method != "GET":
                answer = owner.open(address, method=method, headers=headers)
                assert answer.status_code == 400, f"{method} {address}"


def test_viewers_change_nothing_but_what_is_their_own(app: Flask) -> None:
    own = (
        *("sessions.", "profile.", "confirmation.", "security.", "second_factor."),
        "saved_views.",  # their own; only staff share
    )
    for (method, endpoint), who in who_may().items():
        if method != "GET" and who == "viewer":
            assert endpoint.startswith(own), endpoint


def test_the_way_back_survives_the_sign_in(client: FlaskClient) -> None:
    answer = client.get("/account/profile?tab=a%26b")
    assert answer.location == "/login?next=/account/profile?tab%3Da%2526b"


def test_htmx_is_told_to_leave_the_page(client: FlaskClient) -> None:
    answer = client.post(
        "/logout",
        headers={
            "HX-Request": "true",
            "HX-Current-URL": "https://panel.example.com/declines?q=a",
        },
    )
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login?next=/declines?q%3Da"


def test_a_removed_person_is_out_at_once(
    app: Flask, sign_in: Callable[..., FlaskClient]
) -> None:
    owner, staff = a_user(role=Role.OWNER), a_user(role=Role.STAFF)
    browser = sign_in(staff)
    assert browser.get("/account/profile").status_code == 200
    people.remove(staff.id, by_id=owner.id, now=MONDAY)
    assert browser.get("/account/profile").status_code == 303
