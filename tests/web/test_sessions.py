import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app import passwords
from app.domain.people import Role
from app.services import people
from app.storage.people_models import UserSession
from app.storage.transaction import reading
from tests.conftest import MONDAY, SetClock
from tests.web.pages import PASSWORD, post

ANN = "ann@example.com"


@pytest.fixture(autouse=True)
def _ann(app: Flask) -> None:
    people.add(ANN, PASSWORD, role=Role.OWNER, now=MONDAY)


def _sign_in(client: FlaskClient, password: str = PASSWORD, **fields: str) -> int:
    form = {"email": ANN, "password": password, **fields}
    return post(client, "/login", **form).status_code


def test_the_right_password_opens_the_panel(client: FlaskClient) -> None:
    answer = post(client, "/login", email=" Ann@Example.com ", password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/")
    assert client.get("/account/profile").status_code == 200


@pytest.mark.parametrize(
    ("email", "password"),
    [(ANN, "wrong"), ("bob@example.com", PASSWORD), ("", ""), (ANN, "x" * 100_000)],
)
def test_anything_else_shows_the_form_again_with_one_sentence(
    client: FlaskClient, email: str, password: str
) -> None:
    answer = post(client, "/login", email=email, password=password)
    assert answer.status_code == 422
    assert "do not belong together" in answer.text
    assert client.get("/account/profile").status_code == 303


def test_a_form_without_its_token_signs_nobody_in(client: FlaskClient) -> None:
    answer = client.post("/login", data={"email": ANN, "password": PASSWORD})
    assert answer.status_code == 400
    assert "too old" in answer.text


def test_signing_in_leaves_nothing_of_the_session_before(client: FlaskClient) -> None:
    client.get("/login")
    with client.session_transaction() as session:
        before = session["csrf_token"]
        session["planted"] = "by somebody else"
    assert _sign_in(client) == 303
    with client.session_transaction() as session:
        assert "planted" not in session
        assert session.get("csrf_token") != before


def test_signing_in_anew_ends_the_session_that_the_browser_had(
    client: FlaskClient,
) -> None:
    _sign_in(client)
    form = {"email": ANN, "password": PASSWORD}
    assert post(client, "/login", page="/account/profile", **form).status_code == 303
    with reading() as session:
        assert len(session.scalars(select(UserSession)).all()) == 1


def test_a_copied_cookie_is_worthless_after_sign_out(
    app: Flask, client: FlaskClient
) -> None:
    _sign_in(client)
    cookie = client.get_cookie("metricsco")
    assert cookie
    thief = app.test_client()
    thief.set_cookie("metricsco", cookie.value)
    assert thief.get("/account/profile").status_code == 200
    assert post(client, "/logout", page="/account/profile").status_code == 303
    assert thief.get("/account/profile").status_code == 303


def test_the_cookie_is_for_the_server_alone(client: FlaskClient) -> None:
    _sign_in(client)
    cookie = client.get_cookie("metricsco")
    assert cookie
    assert cookie.http_only
    assert cookie.same_site == "Lax"


@pytest.mark.parametrize(
    ("minutes", "status"), [(119, 200), (121, 303)], ids=["in use", "idle"]
)
def test_an_idle_session_ends(
    client: FlaskClient, clock: SetClock, minutes: int, status: int
) -> None:
    _sign_in(client)
    clock.advance(minutes=minutes)
    assert client.get("/account/profile").status_code == status


def test_a_session_in_use_ends_after_a_working_day(
    client: FlaskClient, clock: SetClock
) -> None:
    _sign_in(client)
    for _ in range(12):
        assert client.get("/account/profile").status_code == 200
        clock.advance(minutes=61)
    assert client.get("/account/profile").status_code == 303


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("/declines?q=a&kind=hard", "/declines?q=a&kind=hard"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/" + "x" * 5000, "/"),
        ("", "/"),
    ],
)
def test_after_sign_in_nobody_is_sent_elsewhere(
    client: FlaskClient, wanted: str, given: str
) -> None:
    answer = post(client, "/login", email=ANN, password=PASSWORD, next=wanted)
    assert answer.location == given
    assert client.get("/login", query_string={"next": wanted}).location == given


def test_a_guesser_has_to_wait(client: FlaskClient, clock: SetClock) -> None:
    assert [_sign_in(client, "wrong") for _ in range(6)] == [422] * 5 + [429]
    assert _sign_in(client) == 429
    clock.advance(minutes=16)
    assert _sign_in(client) == 303


def test_the_owner_is_not_locked_out_by_a_guesser(app: Flask) -> None:
    known = app.test_client()
    _sign_in(known)
    post(known, "/logout", page="/account/profile")
    for host in range(30):
        guesser = app.test_client()
        guesser.environ_base["REMOTE_ADDR"] = f"203.0.113.{host}"
        for _ in range(2):
            _sign_in(guesser, "wrong")
    elsewhere = app.test_client()
    elsewhere.environ_base["REMOTE_ADDR"] = "198.51.100.7"
    assert _sign_in(elsewhere) == 429
    assert _sign_in(known) == 303


def test_a_flood_of_sign_ins_is_turned_away(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_PATIENCE_SECONDS", 0.01)
    with passwords._turn(), passwords._turn():
        answer = post(client, "/login", email=ANN, password=PASSWORD)
    assert answer.status_code == 503
    assert "Busy for a moment" in answer.text
    assert _sign_in(client) == 303
