import re
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
from tests.builders import a_user
from tests.conftest import MONDAY, SetClock
from tests.web.pages import PASSWORD, post

SignIn = Callable[[User], FlaskClient]
TEAM = "/account/team"


@pytest.fixture
def ann(app: Flask) -> User:
    """An owner with a password."""
    return a_user(
        email="ann@example.com",
        role=Role.OWNER,
        password_hash=passwords.hashed(PASSWORD),
    )


@pytest.fixture
def browser(ann: User, sign_in: SignIn) -> FlaskClient:
    return sign_in(ann)


def _invite(browser: FlaskClient, email: str = "bob@example.com") -> str:
    answer = post(
        browser,
        f"{TEAM}/invitations",
        page=TEAM,
        email=email,
        role="staff",
        current_password=PASSWORD,
    )
    found = re.search(r'value="[^"]*(/setup/[^"]+)"', answer.text)
    assert found, answer.text
    return found[1]


def _trail() -> list[tuple[str, str]]:
    with reading() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [(entry.action, entry.detail) for entry in entries]


def test_an_invitation_is_shown_once_and_works_once(
    app: Flask, browser: FlaskClient
) -> None:
    link = _invite(browser)
    assert link not in browser.get(TEAM).text
    bob = app.test_client()
    assert "bob@example.com" in bob.get(link).text
    answer = post(bob, link, name="Bob", password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/")
    assert bob.get("/account/profile").status_code == 200
    assert bob.get(TEAM).status_code == 403
    assert app.test_client().get(link).status_code == 404
    assert [action for action, _ in _trail()] == [
        "user invited",
        "joined by a one-time link",
    ]


def test_an_invitation_is_for_its_own_address(app: Flask, browser: FlaskClient) -> None:
    link = _invite(browser)
    post(app.test_client(), link, email="mallory@example.com", password=PASSWORD)
    assert [user.email for user in people.members()] == [
        "ann@example.com",
        "bob@example.com",
    ]


def test_an_invitation_dies_after_a_day(
    app: Flask, browser: FlaskClient, clock: SetClock
) -> None:
    link = _invite(browser)
    clock.advance(hours=25)
    answer = app.test_client().get(link)
    assert answer.status_code == 404
    assert "its day is over" in answer.text


def test_a_second_invitation_ends_the_first(app: Flask, browser: FlaskClient) -> None:
    first, second = _invite(browser), _invite(browser)
    assert app.test_client().get(first).status_code == 404
    assert app.test_client().get(second).status_code == 200


def test_a_withdrawn_invitation_is_dead(app: Flask, browser: FlaskClient) -> None:
    link = _invite(browser)
    address = re.search(r"/account/team/invitations/\d+/\w+", browser.get(TEAM).text)
    assert address
    assert post(browser, address[0], page=TEAM).status_code == 303
    assert app.test_client().get(link).status_code == 404
    assert post(browser, address[0], page=TEAM).status_code == 404


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"current_password": "wrong"}, "not your current password"),
        ({"role": "king"}, "Choose a role"),
        ({"email": "no address"}, "Give an e-mail address"),
        ({"email": "x" * 300 + "@example.com"}, "Give an e-mail address"),
        ({"email": "Ann@example.com"}, "already on the team"),
    ],
)
def test_a_wrong_invitation_is_answered_with_a_sentence(
    browser: FlaskClient, fields: dict[str, str], sentence: str
) -> None:
    form = {
        "email": "b@example.com",
        "role": "staff",
        "current_password": PASSWORD,
        **fields,
    }
    answer = post(browser, f"{TEAM}/invitations", page=TEAM, **form)
    assert answer.status_code == 422
    assert sentence in answer.text


@pytest.mark.parametrize("what", ["role", "removal"])
def test_the_last_owner_stays(browser: FlaskClient, ann: User, what: str) -> None:
    page = f"{TEAM}/{ann.id}"
    form = {"role": "viewer", "current_password": PASSWORD}
    answer = post(browser, f"{page}/{what}", page=page, **form)
    assert answer.status_code == 422
    assert "is the last owner" in answer.text
    assert [user.role for user in people.members()] == [Role.OWNER]


def test_one_of_two_owners_may_go(
    browser: FlaskClient, ann: User, sign_in: SignIn
) -> None:
    bob = a_user(email="bob@example.com", role=Role.OWNER)
    his = sign_in(bob)
    page = f"{TEAM}/{bob.id}"
    post(browser, f"{page}/removal", page=page, current_password=PASSWORD)
    assert his.get("/account/profile").status_code == 303
    assert [user.email for user in people.members()] == ["ann@example.com"]
    assert ("user removed", "bob@example.com") in _trail()


def test_a_new_role_holds_from_the_next_page_on(
    browser: FlaskClient, sign_in: SignIn
) -> None:
    bob = a_user(email="bob@example.com", role=Role.OWNER)
    his = sign_in(bob)
    assert his.get(TEAM).status_code == 200
    page = f"{TEAM}/{bob.id}"
    form = {"role": "viewer", "current_password": PASSWORD}
    assert post(browser, f"{page}/role", page=page, **form).status_code == 303
    assert his.get(TEAM).status_code == 403


def test_nothing_changes_without_the_password(
    browser: FlaskClient, clock: SetClock
) -> None:
    clock.advance(minutes=16)
    bob = a_user(email="bob@example.com", role=Role.STAFF)
    page = f"{TEAM}/{bob.id}"
    for what in ("role", "removal"):
        answer = post(browser, f"{page}/{what}", page=page, role="owner")
        assert answer.status_code == 422
    found = people.member(bob.id)
    assert found
    assert found.role is Role.STAFF


def test_a_stolen_browser_may_not_guess_the_password_for_long(
    browser: FlaskClient, ann: User
) -> None:
    page = f"{TEAM}/{ann.id}"
    answers = [
        post(browser, f"{page}/role", page=page, current_password=f"guess {n}").text
        for n in range(11)
    ]
    assert "not your current password" in answers[9]
    assert "Too many tries" in answers[10]


def test_somebody_removed_may_be_invited_again(
    app: Flask, browser: FlaskClient, ann: User
) -> None:
    bob = a_user(email="bob@example.com", role=Role.OWNER)
    people.remove(bob.id, by_id=ann.id, now=MONDAY)
    link = _invite(browser)
    post(app.test_client(), link, password=PASSWORD)
    again = people.with_password("bob@example.com", PASSWORD)
    assert again
    assert (again.id, again.role) == (bob.id, Role.STAFF)


def test_an_unknown_member_is_not_found(browser: FlaskClient) -> None:
    assert browser.get(f"{TEAM}/999").status_code == 404
    assert browser.get(f"{TEAM}/{2**70}").status_code == 404


def test_a_hostile_name_is_only_text(browser: FlaskClient, sign_in: SignIn) -> None:
    evil = "<script>alert(1)</script>\"'><b>"
    bob = a_user(email="bob@example.com", role=Role.OWNER, name=evil)
    for page in (TEAM, f"{TEAM}/{bob.id}", "/account/profile"):
        text = sign_in(bob).get(page).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text
