"""Sessions: listed, ended one by one, and what keeps them alive."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from app import jobs
from app.config import ROOT
from app.domain.people import Role
from app.extensions import db
from app.services import sessions
from app.storage.models import User
from app.storage.people_models import UserSession
from app.storage.transaction import reading
from tests.builders import a_user
from tests.conftest import SetClock
from tests.web.pages import post

SignIn = Callable[[User], FlaskClient]
PAGE = "/account/security"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:152.0) Gecko/20100101 Firefox/152.0"


@pytest.fixture
def ann(app: Flask) -> User:
    return a_user(email="ann@example.com", role=Role.STAFF)


def _rows() -> list[UserSession]:
    with reading() as session:
        return list(session.scalars(select(UserSession).order_by(UserSession.id)))


def test_everybody_sees_where_they_are_signed_in(
    ann: User, sign_in: SignIn, clock: SetClock
) -> None:
    browser = sign_in(ann)
    sessions.begin(ann.id, address="203.0.113.9", browser=FIREFOX, now=clock.wall())
    sessions.begin(
        a_user().id, address="198.51.100.1", browser="another's", now=clock.wall()
    )
    page = browser.get(PAGE).text
    assert "Firefox on Linux" in page
    assert "203.0.113.9" in page
    assert "this one" in page
    assert "198.51.100.1" not in page


def test_one_browser_is_signed_out_from_another(ann: User, sign_in: SignIn) -> None:
    here, there = sign_in(ann), sign_in(ann)
    lost = _rows()[1].id
    answer = post(here, f"{PAGE}/sessions/{lost}/end", page=PAGE)
    assert answer.location == PAGE
    assert there.get("/account/profile").status_code == 303
    assert here.get("/account/profile").status_code == 200
    assert post(here, f"{PAGE}/sessions/{lost}/end", page=PAGE).status_code == 404


def test_nobody_ends_the_session_of_somebody_else(ann: User, sign_in: SignIn) -> None:
    mallory, victim = sign_in(a_user(role=Role.OWNER)), sign_in(ann)
    theirs = _rows()[1].id
    answer = post(mallory, f"{PAGE}/sessions/{theirs}/end", page=PAGE)
    assert answer.status_code == 404
    assert victim.get(PAGE).status_code == 200


def test_all_other_browsers_are_signed_out_at_once(ann: User, sign_in: SignIn) -> None:
    here, *others = (sign_in(ann) for _ in range(4))
    bystander = sign_in(a_user())
    post(here, f"{PAGE}/sessions/end-others", page=PAGE)
    assert [other.get(PAGE).status_code for other in others] == [303] * 3
    assert here.get(PAGE).status_code == 200
    assert bystander.get(PAGE).status_code == 200


def test_ending_ones_own_session_signs_out(ann: User, sign_in: SignIn) -> None:
    here = sign_in(ann)
    answer = post(here, f"{PAGE}/sessions/{_rows()[0].id}/end", page=PAGE)
    assert answer.location == "/login"
    assert _rows() == []


def test_no_token_is_kept(app: Flask, ann: User, sign_in: SignIn) -> None:
    browser = sign_in(ann)
    with browser.session_transaction() as cookie:
        token = cookie["_user_id"]
    assert token not in {_rows()[0].token_hash, str(_rows()[0].id)}
    assert len(token) > 40


def test_a_page_that_asks_by_itself_keeps_no_session_alive(
    ann: User, sign_in: SignIn, clock: SetClock
) -> None:
    browser = sign_in(ann)
    poll = {"HX-Request": "true", "X-Poll": "1"}
    for _ in range(4):
        clock.advance(minutes=29)
        assert browser.get("/declines", headers=poll).status_code == 200
    clock.advance(minutes=5)
    answer = browser.get("/declines", headers=poll)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/login")


def test_every_element_that_polls_says_so() -> None:
    found = 0
    for file in (ROOT / "app" / "templates").rglob("*.html"):
        for tag in re.findall(
            r"<[^<>]*hx-trigger=\"every[^<>]*|{%- if.*every.*", file.read_text()
        ):
            found += 1
            assert '"X-Poll": "1"' in tag, file
    assert found >= 2


def test_looking_at_a_page_writes_nothing(
    app: Flask, ann: User, sign_in: SignIn, clock: SetClock
) -> None:
    browser = sign_in(ann)
    written: list[str] = []

    @event.listens_for(db.engines["writer"], "before_cursor_execute")
    def _note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        written.append(statement)

    for _ in range(5):
        clock.advance(minutes=30)
        browser.get("/subscriptions")
    assert written == []


def test_the_last_use_is_written_down_once_a_minute(
    ann: User, sign_in: SignIn, clock: SetClock
) -> None:
    browser = sign_in(ann)
    clock.advance(minutes=90)
    browser.get(PAGE)
    assert jobs.run("sessions.write_down")
    assert _rows()[0].seen_at == clock.wall()
    clock.advance(minutes=90)
    assert browser.get(PAGE).status_code == 200


def test_dead_sessions_are_forgotten(
    ann: User, sign_in: SignIn, clock: SetClock
) -> None:
    sign_in(ann)
    clock.advance(hours=13)
    living = sign_in(ann)
    assert jobs.run("sessions.write_down")
    assert len(_rows()) == 1
    assert living.get(PAGE).status_code == 200
