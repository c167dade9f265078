"""Whatever a browser or a stranger sends: a page with a 4xx or 2xx, never a 5xx."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.domain.people import Role
from app.storage.models import User
from tests.builders import a_user
from tests.web.pages import csrf_of

SignIn = Callable[[User], FlaskClient]

ODD = {
    "long": "x" * 20_000,
    "nul": "a\0b",
    "markup": "<script>alert(1)</script>'\";--",
    "astral": "\U0001f9ff\u202e\u0000\ufffe",
    "lines": "a\r\nSet-Cookie: a=b",
    "percent": "%s%n{0}{{7*7}}",
    "number": "9" * 5_000,
}
FIELDS = (
    "email",
    "password",
    "next",
    "name",
    "timezone",
    "role",
    "current_password",
    "old_password",
    "new_password",
)
FORMS = (
    ("/login", "/login"),
    ("/account/profile", "/account/profile"),
    ("/account/profile/password", "/account/profile"),
    ("/account/team/invitations", "/account/team"),
    ("/account/team/1/role", "/account/team"),
)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_no_form_breaks_on_odd_text(app: Flask, sign_in: SignIn, odd: str) -> None:
    owner = a_user(role=Role.OWNER)
    for address, page in FORMS:
        client = app.test_client() if page == "/login" else sign_in(owner)
        form = {"csrf_token": csrf_of(client, page), **dict.fromkeys(FIELDS, odd)}
        answer = client.post(address, data=form)
        assert 400 <= answer.status_code < 500, address
        assert "<script>alert" not in answer.text


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_no_page_breaks_on_an_odd_address(owner: FlaskClient, odd: str) -> None:
    for address in ("/account/profile", "/login", "/healthz", "/nowhere"):
        answer = owner.get(address, query_string={"q": odd, odd: "1"})
        assert answer.status_code < 500, address
    for address in (f"/setup/{odd}", f"/account/team/{odd}", f"/{odd}"):
        assert owner.get(address).status_code in {400, 404}, address


@pytest.mark.parametrize("raw", ["%ff%fe", "%C3%28", "%00", "%", "&&&===", "a[]=%zz"])
def test_no_page_breaks_on_broken_encoding(owner: FlaskClient, raw: str) -> None:
    assert owner.get(f"/account/profile?{raw}").status_code in {200, 400}
    assert owner.get(f"/account/team/{raw}").status_code in {200, 400, 404}
    body = f"csrf_token={csrf_of(owner, '/account/profile')}&name={raw}"
    answer = owner.post(
        "/account/profile",
        data=body.encode(),
        content_type="application/x-www-form-urlencoded",
    )
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=x", "application/json", ""],
)
def test_a_body_of_another_kind_is_refused(
    client: FlaskClient, content_type: str
) -> None:
    answer = client.post("/login", data=b"\xff\x00{", content_type=content_type)
    assert answer.status_code == 400


def test_a_huge_form_is_refused(client: FlaskClient) -> None:
    answer = client.post("/login", data={"email": "x" * 1_100_000})
    assert answer.status_code == 413
    assert "Too large" in answer.text


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Cookie", "metricsco=forged.forged.forged"),
        ("Cookie", "metricsco_device=forged"),
        ("HX-Current-URL", "https://[broken"),
        ("HX-Current-URL", "//evil.example//x"),
        ("Referer", "\\\\evil"),
    ],
)
def test_a_forged_header_opens_and_breaks_nothing(
    app: Flask, header: str, value: str
) -> None:
    answer = app.test_client().get(
        "/account/profile", headers={header: value, "HX-Request": "true"}
    )
    assert answer.status_code == 401
    assert "evil" not in answer.headers["HX-Redirect"]
