from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app import passwords
from app.domain.people import Role
from app.services import people
from app.storage.models import AuditEntry, User
from app.storage.transaction import reading
from tests.conftest import a_user
from tests.web.pages import PASSWORD, post

SignIn = Callable[[User], FlaskClient]
PAGE = "/account/profile"
NEW = "an entirely new phrase"


@pytest.fixture
def ann(app: Flask) -> User:
    """A viewer with a password."""
    sealed = passwords.hashed(PASSWORD)
    return a_user(Role.VIEWER, email="ann@example.com", password_hash=sealed)


@pytest.fixture
def browser(ann: User, sign_in: SignIn) -> FlaskClient:
    return sign_in(ann)


def _save(browser: FlaskClient, **fields: str) -> tuple[int, str]:
    form = {"name": "Ann", "email": "ann@example.com", "timezone": "UTC", **fields}
    answer = post(browser, PAGE, **form)
    return answer.status_code, answer.text


def _ann() -> User:
    with reading() as session:
        return session.scalars(select(User)).one()


def test_everybody_keeps_their_own_name_and_zone(browser: FlaskClient) -> None:
    assert _save(browser, name="Ann  Müller", timezone="Europe/Berlin")[0] == 303
    assert (_ann().name, _ann().timezone) == ("Ann Müller", "Europe/Berlin")
    assert "Your profile is saved." in browser.get(PAGE).text


def test_a_new_address_needs_the_password(browser: FlaskClient) -> None:
    status, text = _save(browser, email="new@example.com")
    assert status == 422
    assert "not your current password" in text
    assert _ann().email == "ann@example.com"
    assert _save(browser, email="New@example.com", current_password=PASSWORD)[0] == 303
    assert _ann().email == "new@example.com"
    with reading() as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert entry.detail == "ann@example.com is now new@example.com"


def test_an_address_belongs_to_one_person(browser: FlaskClient) -> None:
    a_user(Role.OWNER, email="bob@example.com")
    status, text = _save(
        browser, email="bob@example.com", current_password=PASSWORD, name="My name"
    )
    assert status == 422
    assert "taken already" in text
    assert 'value="My name"' in text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"timezone": "Mars/Olympus"}, "Choose a time zone"),
        ({"timezone": "../../etc/passwd"}, "Choose a time zone"),
        ({"name": "n" * 121}, "Give a name"),
        ({"name": "a\u202eb"}, "Give a name"),
    ],
)
def test_what_does_not_fit_changes_nothing(
    browser: FlaskClient, fields: dict[str, str], sentence: str
) -> None:
    status, text = _save(browser, **fields)
    assert status == 422
    assert sentence in text
    assert _ann().name == "The viewer"


def test_a_new_password_ends_every_other_session(
    browser: FlaskClient, ann: User, sign_in: SignIn
) -> None:
    other = sign_in(ann)
    answer = post(
        browser,
        f"{PAGE}/password",
        page=PAGE,
        old_password=PASSWORD,
        new_password=NEW,
    )
    assert answer.status_code == 303
    assert browser.get(PAGE).status_code == 200
    assert other.get(PAGE).status_code == 303
    assert people.with_password("ann@example.com", PASSWORD) is None
    assert people.with_password("ann@example.com", NEW)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("wrong", NEW, "not your current password"),
        (PASSWORD, "short", "at least 12 characters"),
        ("", "", "not your current password"),
    ],
)
def test_a_password_that_does_not_fit_is_not_taken(
    browser: FlaskClient, old: str, new: str, sentence: str
) -> None:
    answer = post(
        browser, f"{PAGE}/password", page=PAGE, old_password=old, new_password=new
    )
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="ann@example.com"' in answer.text
    assert people.with_password("ann@example.com", PASSWORD)


def test_no_answer_ever_shows_a_password(browser: FlaskClient) -> None:
    text = _save(browser, email="x", current_password=PASSWORD, name="n" * 121)[1]
    assert PASSWORD not in text
    assert "argon2" not in browser.get(PAGE).text
