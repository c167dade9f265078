import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.cli import first_owner_address
from app.domain.people import Role
from app.services import people
from app.storage.models import OneTimeLink
from app.storage.transaction import reading
from tests.conftest import MONDAY, SetClock
from tests.web.pages import PASSWORD, post

ANN = "ann@example.com"


def _link() -> str:
    address = first_owner_address()
    assert address
    assert address.startswith("http://127.0.0.1:8000/setup/")
    return address.removeprefix("http://127.0.0.1:8000")


def test_the_first_owner_comes_in_by_the_printed_link(client: FlaskClient) -> None:
    answer = post(client, _link(), email=ANN, name=" Ann  B ", password=PASSWORD)
    assert answer.location == "/"
    assert client.get("/account/team").status_code == 200
    found = people.with_password(ANN, PASSWORD)
    assert found
    assert (found.role, found.name) == (Role.OWNER, "Ann B")
    assert first_owner_address() is None


def test_only_the_newest_printed_link_counts(client: FlaskClient) -> None:
    first, second = _link(), _link()
    assert client.get(first).status_code == 404
    assert client.get(second).status_code == 200


def test_the_setup_link_dies_when_an_owner_is_made_otherwise(
    client: FlaskClient,
) -> None:
    link = _link()
    page = client.get(link)
    assert page.status_code == 200
    people.add(ANN, PASSWORD, role=Role.OWNER, now=MONDAY)
    answer = post(client, link, email="eve@example.com", password=PASSWORD)
    assert answer.status_code == 404
    assert [user.email for user in people.members()] == [ANN]


def test_the_setup_link_dies_after_a_day(client: FlaskClient, clock: SetClock) -> None:
    link = _link()
    clock.advance(hours=24, seconds=1)
    assert client.get(link).status_code == 404


def test_the_link_itself_is_not_kept(app: Flask) -> None:
    token = _link().removeprefix("/setup/")
    with reading() as session:
        kept = session.scalars(select(OneTimeLink.token_hash)).all()
    assert len(kept) == 1
    assert token not in kept


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"password": "short"}, "at least 12"),
        ({"password": "a" * 40}, "more than a few different"),
        ({"password": "x1y2" * 500}, "at most 1024"),
        ({"email": "nobody"}, "Give an e-mail address"),
        ({"name": "n" * 121}, "Give a name"),
    ],
)
def test_a_wrong_form_keeps_the_link_alive(
    client: FlaskClient, fields: dict[str, str], sentence: str
) -> None:
    link = _link()
    form = {"email": ANN, "name": "Ann", "password": PASSWORD}
    answer = post(client, link, **{**form, **fields})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert post(client, link, **form).status_code == 303
