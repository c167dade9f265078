"""The second factor: set up, asked for, used once, lost, turned off."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app import create_app, current, passwords
from app.config import Config
from app.domain.people import Role
from app.extensions import db
from app.services import people, second_factor
from app.services.second_factor import CodeRefused
from app.storage.models import AuditEntry, User
from app.storage.people_models import RecoveryCode, SecondFactor
from app.storage.transaction import reading, transaction
from tests.builders import a_user
from tests.conftest import SetClock
from tests.web.pages import PASSWORD, post

SignIn = Callable[[User], FlaskClient]
PAGE = "/account/security/second-factor"
# RFC 6238, appendix B: the secret, times and codes (their last six digits).
RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
RFC_CODES = [(59, "287082"), (1111111109, "081804"), (2000000000, "279037")]


def code_at(secret: str, time: datetime, *, steps: int = 0) -> str:
    """What an authenticator app shows."""
    step = int(time.timestamp()) // 30 + steps
    hotp = HOTP(base64.b32decode(secret), 6, SHA1())  # noqa: S303 - RFC 6238
    return hotp.generate(step).decode()


@pytest.fixture
def ann(app: Flask) -> User:
    """A member of the staff with a password."""
    return a_user(
        email="ann@example.com",
        role=Role.STAFF,
        password_hash=passwords.hashed(PASSWORD),
    )


def with_factor(user: User, secret: str = RFC_SECRET) -> None:
    """The user's second factor, on since the beginning."""
    sealed = current.vault().encrypt(secret)
    with transaction() as session:
        session.add(
            SecondFactor(
                user_id=user.id, sealed_secret=sealed, on_since=user.created_at
            )
        )


def first_step(client: FlaskClient, **fields: str) -> str:
    answer = post(
        client, "/login", email="ann@example.com", password=PASSWORD, **fields
    )
    assert answer.status_code == 303
    return answer.location


def second_step(client: FlaskClient, code: str) -> int:
    return post(client, "/login/code", code=code).status_code


def enrol(browser: FlaskClient, clock: SetClock) -> tuple[str, list[str]]:
    """Set it up as a person would; the secret and the recovery codes."""
    assert post(browser, PAGE).status_code == 303
    shown = re.search(r'id="secret"[^>]* value="([A-Z2-7]+)"', browser.get(PAGE).text)
    assert shown
    code = code_at(shown[1], clock.wall())
    answer = post(browser, f"{PAGE}/confirmation", page=PAGE, code=code)
    assert answer.status_code == 200
    return shown[1], re.findall(r"\b(?:[a-z2-7]{4}-){3}[a-z2-7]{4}\b", answer.text)


@pytest.mark.parametrize(("time", "code"), RFC_CODES)
def test_the_codes_are_those_of_the_standard(ann: User, time: int, code: str) -> None:
    with_factor(ann)
    at = datetime.fromtimestamp(time, UTC)
    second_factor.check(ann.id, code, now=at)
    with pytest.raises(CodeRefused):
        second_factor.check(ann.id, code, now=at)  # the same again


def test_it_is_set_up_by_showing_that_the_app_has_the_secret(
    ann: User, sign_in: SignIn, clock: SetClock
) -> None:
    browser, elsewhere = sign_in(ann), sign_in(ann)
    _, codes = enrol(browser, clock)
    assert len(set(codes)) == 10
    assert codes[0] not in browser.get(PAGE).text
    assert second_factor.is_on(ann.id)
    assert elsewhere.get(PAGE).status_code == 303
    assert browser.get(PAGE).status_code == 200


def test_a_wrong_code_turns_nothing_on(ann: User, sign_in: SignIn) -> None:
    browser = sign_in(ann)
    post(browser, PAGE)
    answer = post(browser, f"{PAGE}/confirmation", page=PAGE, code="000000")
    assert answer.status_code == 422
    assert "This code does not fit." in answer.text
    assert not second_factor.is_on(ann.id)


def test_the_picture_is_an_svg_that_the_policy_allows(
    ann: User, sign_in: SignIn
) -> None:
    browser = sign_in(ann)
    post(browser, PAGE)
    answer = browser.get(PAGE)
    svg = re.search(r"<svg.*?</svg>", answer.text, re.DOTALL)
    assert svg
    assert "style" not in svg[0]
    assert "script" not in svg[0]
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]


def test_the_secret_is_not_shown_to_whoever_finds_the_browser_open(
    ann: User, sign_in: SignIn, clock: SetClock
) -> None:
    browser = sign_in(ann)
    post(browser, PAGE)
    assert 'id="secret"' in browser.get(PAGE).text
    clock.advance(minutes=16)
    assert 'id="secret"' not in browser.get(PAGE).text


def test_neither_secret_nor_codes_stand_in_the_database(
    ann: User, sign_in: SignIn, clock: SetClock
) -> None:
    secret, codes = enrol(sign_in(ann), clock)
    with reading() as session:
        kept = repr(session.execute(select(SecondFactor.sealed_secret)).all())
        kept += repr(session.execute(select(RecoveryCode.code_hash)).all())
    assert secret not in kept
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)


def test_after_the_password_a_code_is_asked_for(
    client: FlaskClient, ann: User, clock: SetClock
) -> None:
    with_factor(ann)
    assert first_step(client, next="/declines?q=a") == "/login/code"
    assert client.get("/account/profile").status_code == 303
    assert "ann@example.com" not in client.get("/login/code").text
    code = code_at(RFC_SECRET, clock.wall())
    answer = post(client, "/login/code", code=f" {code[:3]} {code[3:]} ")
    assert (answer.status_code, answer.location) == (303, "/declines?q=a")
    assert client.get("/account/profile").status_code == 200


def test_a_wrong_password_says_nothing_of_a_second_factor(
    client: FlaskClient, ann: User
) -> None:
    a_user(email="bob@example.com", password_hash=passwords.hashed(PASSWORD))
    with_factor(ann)
    told = {
        re.sub(
            r'value="[^"]*"',
            "",
            post(client, "/login", email=email, password="wrong").text,
        )
        for email in ("ann@example.com", "bob@example.com", "nobody@example.com")
    }
    assert len({re.sub(r'"X-CSRFToken": "[^"]*"', "", text) for text in told}) == 1


def test_the_second_step_is_not_there_without_the_first(
    client: FlaskClient, ann: User
) -> None:
    with_factor(ann)
    assert client.get("/login/code").location == "/login"
    answer = post(client, "/login/code", page="/login", code="123456")
    assert answer.location == "/login"


@pytest.mark.parametrize("code", ["000000", "", "12345", "١٢٣٤٥٦", "x" * 5000])
def test_a_wrong_code_opens_nothing(client: FlaskClient, ann: User, code: str) -> None:
    with_factor(ann)
    first_step(client)
    assert second_step(client, code) == 422
    assert client.get("/account/profile").status_code == 303


@pytest.mark.parametrize(
    ("steps", "status"), [(-2, 422), (-1, 303), (1, 303), (2, 422)]
)
def test_a_clock_may_be_off_by_half_a_minute(
    client: FlaskClient, ann: User, clock: SetClock, steps: int, status: int
) -> None:
    with_factor(ann)
    first_step(client)
    assert second_step(client, code_at(RFC_SECRET, clock.wall(), steps=steps)) == status


def test_a_code_that_was_used_is_refused_in_every_browser(
    app: Flask, ann: User, clock: SetClock
) -> None:
    with_factor(ann)
    code = code_at(RFC_SECRET, clock.wall())
    one, two = app.test_client(), app.test_client()
    first_step(one)
    first_step(two)
    assert second_step(one, code) == 303
    assert second_step(two, code) == 422
    earlier = code_at(RFC_SECRET, clock.wall(), steps=-1)
    assert second_step(two, earlier) == 422


def test_a_recovery_code_lets_in_once(
    app: Flask, ann: User, sign_in: SignIn, clock: SetClock
) -> None:
    _, codes = enrol(sign_in(ann), clock)
    one, two = app.test_client(), app.test_client()
    first_step(one)
    first_step(two)
    assert second_step(one, codes[3].upper()) == 303
    assert second_step(two, codes[3]) == 422
    assert second_factor.state_of(ann.id).codes_left == 9


def test_new_recovery_codes_end_the_old_ones(
    ann: User, sign_in: SignIn, clock: SetClock
) -> None:
    browser = sign_in(ann)
    _, old = enrol(browser, clock)
    answer = post(browser, f"{PAGE}/codes", page=PAGE)
    new = re.findall(r"\b(?:[a-z2-7]{4}-){3}[a-z2-7]{4}\b", answer.text)
    assert len(new) == 10
    with pytest.raises(CodeRefused):
        second_factor.check(ann.id, old[0], now=clock.wall())
    second_factor.check(ann.id, new[0], now=clock.wall())


def test_whoever_guesses_codes_has_to_wait_and_it_is_in_the_trail(
    client: FlaskClient, ann: User, clock: SetClock
) -> None:
    with_factor(ann)
    first_step(client)
    assert [second_step(client, "000000") for _ in range(11)] == [422] * 10 + [429]
    assert second_step(client, code_at(RFC_SECRET, clock.wall())) == 429
    with reading() as session:
        told = session.scalars(select(AuditEntry.action)).all()
    assert told.count("second step refused") == 1


def test_the_first_step_is_worth_five_minutes(
    client: FlaskClient, ann: User, clock: SetClock
) -> None:
    with_factor(ann)
    first_step(client)
    clock.advance(minutes=6)
    assert client.get("/login/code").location == "/login"


def test_a_new_password_ends_what_was_half_done(
    client: FlaskClient, ann: User, clock: SetClock
) -> None:
    with_factor(ann)
    first_step(client)
    people.change_password(ann.id, "an entirely new phrase", now=clock.wall())
    assert client.get("/login/code").location == "/login"


def test_turning_off_needs_the_password_however_fresh_the_session(
    ann: User, sign_in: SignIn, clock: SetClock
) -> None:
    browser = sign_in(ann)
    enrol(browser, clock)
    for wrong in ("", "wrong"):
        answer = post(browser, f"{PAGE}/removal", page=PAGE, current_password=wrong)
        assert answer.status_code == 422
    assert second_factor.is_on(ann.id)
    post(browser, f"{PAGE}/removal", page=PAGE, current_password=PASSWORD)
    assert not second_factor.is_on(ann.id)
    with reading() as session:
        assert session.scalars(select(RecoveryCode)).all() == []


def test_an_owner_resets_it_for_a_member_and_that_is_in_the_trail(
    app: Flask, ann: User, owner: FlaskClient
) -> None:
    with_factor(ann)
    member = f"/account/team/{ann.id}"
    post(owner, f"{member}/second-factor/removal", page=member)
    assert not second_factor.is_on(ann.id)
    with reading() as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.detail) == ("second factor reset", ann.email)


def test_the_operator_resets_it_from_the_shell(app: Flask, ann: User) -> None:
    with_factor(ann)
    run = app.test_cli_runner().invoke
    done = run(args=["users", "reset-second-factor", "Ann@example.com"])
    assert done.exit_code == 0, done.output
    assert not second_factor.is_on(ann.id)
    again = run(args=["users", "reset-second-factor", "ann@example.com"])
    assert again.exit_code == 1
    assert "has no second factor" in again.output


def test_whoever_is_removed_and_comes_back_sets_it_up_anew(
    ann: User, clock: SetClock
) -> None:
    with_factor(ann)
    people.remove(ann.id, by_id=a_user().id, now=clock.wall())
    people.add(ann.email, PASSWORD, role=Role.STAFF, now=clock.wall())
    assert not second_factor.is_on(ann.id)


def test_without_the_key_the_page_says_so_and_a_recovery_code_still_works(
    config: Config, ann: User, sign_in: SignIn, clock: SetClock
) -> None:
    secret, codes = enrol(sign_in(ann), clock)
    other_key = (Fernet.generate_key().decode(),)
    app = create_app(replace(config, encryption_keys=other_key), clock=clock)
    client = app.test_client()
    first_step(client)
    clock.advance(minutes=1)
    answer = post(client, "/login/code", code=code_at(secret, clock.wall()))
    assert answer.status_code == 422
    assert "cannot be read with the keys in ENCRYPTION_KEYS" in answer.text
    assert second_step(client, codes[0]) == 303
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()
