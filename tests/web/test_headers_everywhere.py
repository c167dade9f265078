"""What every answer must carry, whatever the route, the role or the fault."""

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app, passwords
from app.config import Config
from app.storage.people_models import UserSession
from app.storage.transaction import reading
from tests.builders import a_user
from tests.conftest import SetClock
from tests.web.pages import PASSWORD, post
from tests.web.routes import routes

EVIL = "evil.example"


def _is_safe(answer: TestResponse, *, https: bool = False) -> None:
    headers = answer.headers
    policy = headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert ("Strict-Transport-Security" in headers) is https
    assert EVIL not in answer.headers.get("Location", "")
    assert EVIL not in answer.headers.get("HX-Redirect", "")


def test_every_route_answers_safely_to_everybody(
    app: Flask, client: FlaskClient, owner: FlaskClient, viewer: FlaskClient
) -> None:
    for browser in (client, viewer, owner):
        for endpoint, method, address in routes(app):
            if endpoint == "sessions.destroy":
                continue
            for headers in ({}, {"HX-Request": "true"}):
                answer = browser.open(address, method=method, headers=headers)
                _is_safe(answer)
                answer.close()


def _broken() -> str:
    raise RuntimeError("a fault of ours")


def test_every_error_answers_safely(app: Flask, owner: FlaskClient) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.view_functions["guide.show"] = _broken
    statuses = {
        owner.get("/nowhere").status_code: owner.get("/nowhere"),
        owner.delete("/").status_code: owner.delete("/"),
        413: owner.post("/login", data={"email": "x" * 1_100_000}),
        400: owner.post("/login", data={}),
        500: owner.get("/account/payment-processor/guide"),
    }
    assert set(statuses) == {404, 405, 413, 400, 500}
    for status, answer in statuses.items():
        assert answer.status_code == status
        _is_safe(answer)


def test_behind_tls_browsers_are_told_to_stay_there(
    config: Config, clock: SetClock
) -> None:
    app = create_app(replace(config, public_url="https://panel.example"), clock=clock)
    client = app.test_client()
    for address in ("/login", "/nowhere", "/", "/healthz"):
        _is_safe(client.get(address), https=True)
    a_cookie = client.get_cookie("metricsco")
    assert a_cookie is None or a_cookie.secure


def test_no_answer_believes_the_host_header(app: Flask, owner: FlaskClient) -> None:
    headers = {"Host": EVIL, "X-Forwarded-Host": EVIL, "Forwarded": f"host={EVIL}"}
    for endpoint, method, address in routes(app):
        if method == "GET" and endpoint != "static":
            answer = owner.get(address, headers=headers)
            assert EVIL.encode() not in answer.data, address
            assert EVIL not in answer.headers.get("Location", ""), address


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "10.9.9.9, 203.0.113.9", "203.0.113.9"),  # the first was made up
        (2, "203.0.113.9, 198.51.100.1", "203.0.113.9"),
        (2, "203.0.113.9", "127.0.0.1"),  # somebody went around the first proxy
    ],
)
def test_only_the_proxies_that_are_there_are_believed(
    config: Config, clock: SetClock, proxies: int, forwarded: str, address: str
) -> None:
    app = create_app(replace(config, trusted_proxies=proxies), clock=clock)
    with app.app_context():
        sealed = passwords.hashed(PASSWORD)
        a_user(email="ann@example.com", password_hash=sealed)
        client = app.test_client()
        client.environ_base["HTTP_X_FORWARDED_FOR"] = forwarded
        post(client, "/login", email="ann@example.com", password=PASSWORD)
        with reading() as session:
            assert session.query(UserSession).one().address == address
