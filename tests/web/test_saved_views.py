"""Saved views: whose they are, who sees them, what they keep; columns remembered."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.domain.people import Role
from app.services.saved_views import MOST_VIEWS
from app.storage.desk_models import SavedView
from app.storage.transaction import reading
from tests.builders import a_decline, a_subscription
from tests.conftest import SignIn, a_user
from tests.web.pages import post

LIST = "/subscriptions"


def _views() -> list[SavedView]:
    with reading() as session:
        return list(session.scalars(select(SavedView).order_by(SavedView.id)))


def _tabs(client: FlaskClient, address: str = LIST) -> dict[str, bool]:
    """The views above the list, and whether each is the one that is shown."""
    found = re.findall(
        r'<a href="[^"]*"( aria-current="page")?><bdi>([^<]*)</bdi>',
        client.get(address)
        .text.split('aria-label="Saved views"')[-1]
        .split("</nav>")[0],
    )
    return {name: bool(here) for here, name in found}


def _save(client: FlaskClient, name: str, query: str, **fields: str) -> int:
    return post(
        client, "/views/subscriptions", page=LIST, name=name, query=query, **fields
    ).status_code


def _heads(client: FlaskClient, address: str = LIST) -> list[str]:
    page = client.get(address).text
    return re.findall(r"<th scope=\"col\"[^>]*>(?:<a [^>]*>)?([^<]*)", page)


def test_a_view_keeps_filters_order_and_columns_under_a_name(
    owner: FlaskClient,
) -> None:
    a_subscription()
    query = "lifecycle=in_retry&sort=-amount&columns=amount,last_code"
    _save(owner, "  Worth  a call ", query)
    view = _views()[0]
    assert view.name == "Worth a call"
    assert _tabs(owner) == {"Worth a call": False}
    assert _tabs(owner, f"{LIST}?{view.query}") == {"Worth a call": True}
    assert _heads(owner, f"{LIST}?{view.query}") == []  # nothing is in retry
    assert "In retry" in owner.get(f"{LIST}?{view.query}").text


def test_a_view_keeps_nothing_but_what_the_list_understands(
    owner: FlaskClient,
) -> None:
    _save(owner, "Odd", "lifecycle=odd&page=xyz&evil=javascript:1&q=ann&sort=-created")
    assert _views()[0].query == "q=ann"


def test_the_same_name_again_replaces_the_view(owner: FlaskClient) -> None:
    _save(owner, "Mine", "q=ann")
    _save(owner, "Mine", "q=ben", shared="1")
    assert [(view.query, view.is_shared) for view in _views()] == [("q=ben", True)]


def test_a_view_is_its_owners_alone_unless_it_is_shared(sign_in: SignIn) -> None:
    ann, ben = (sign_in(a_user(Role.STAFF, email=f"{n}@x.example")) for n in "ab")
    _save(ann, "Hers", "q=a")
    _save(ann, "Ours", "q=b", shared="1")
    assert set(_tabs(ann)) == {"Hers", "Ours"}
    assert set(_tabs(ben)) == {"Ours"}
    assert "Hers" not in ben.get("/views/subscriptions").text


def test_a_viewer_saves_views_and_shares_none(viewer: FlaskClient) -> None:
    _save(viewer, "Mine", "q=a")
    _save(viewer, "Ours", "q=a", shared="1")
    assert [(view.name, view.is_shared) for view in _views()] == [("Mine", False)]
    assert 'name="shared"' not in viewer.get(LIST).text


def test_a_view_is_renamed_shared_and_removed_by_its_owner(
    owner: FlaskClient,
) -> None:
    _save(owner, "Old", "q=a")
    one = _views()[0].id
    page = "/views/subscriptions"
    post(owner, f"/views/{one}/change", page=page, name="New", shared="1")
    assert [(view.name, view.is_shared) for view in _views()] == [("New", True)]
    post(owner, f"/views/{one}/remove", page=page)
    assert _views() == []
    again = post(owner, f"/views/{one}/remove", page=LIST)
    assert again.status_code == 303
    assert "somebody removed it" in owner.get(page).text


def test_nobody_changes_the_view_of_another_but_an_owner_what_is_shared(
    sign_in: SignIn, owner: FlaskClient
) -> None:
    ann, ben = (sign_in(a_user(Role.STAFF, email=f"{n}@x.example")) for n in "ab")
    _save(ann, "Shared", "q=a", shared="1")
    _save(ann, "Private", "q=a")
    shared, private = (view.id for view in _views())
    post(ben, f"/views/{shared}/remove", page=LIST)
    post(owner, f"/views/{private}/remove", page=LIST)
    post(owner, f"/views/{private}/change", page=LIST, name="Mine now")
    assert {view.name for view in _views()} == {"Shared", "Private"}
    post(owner, f"/views/{shared}/remove", page=LIST)
    assert {view.name for view in _views()} == {"Private"}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Give the view a name"),
        (" \t ", "Give the view a name"),
        ("x" * 61, "at most 60 characters"),
        ("x" * 100_000, "at most 60 characters"),
    ],
)
def test_an_odd_name_is_refused_with_a_sentence(
    owner: FlaskClient, name: str, sentence: str
) -> None:
    assert _save(owner, name, "q=a") == 303
    assert sentence in owner.get(LIST).text
    assert _views() == []


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "\u202eevil", "{{ 7 * 7 }}", "a\0b"]
)
def test_a_hostile_name_is_text(owner: FlaskClient, name: str) -> None:
    assert _save(owner, name, "q=a") in {303, 400}
    for address in (LIST, "/views/subscriptions"):
        page = owner.get(address)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "49" not in _tabs(owner)


def test_views_do_not_grow_without_end(owner: FlaskClient) -> None:
    for n in range(MOST_VIEWS + 1):
        _save(owner, f"View {n}", "q=a")
    assert len(_views()) == MOST_VIEWS
    assert "remove one first" in owner.get(LIST).text


@pytest.mark.parametrize("query", ["x" * 50_000, "%ff%fe=%00", "q=%00&code=%0a", "&=&"])
def test_no_query_breaks_saving(owner: FlaskClient, query: str) -> None:
    assert _save(owner, "Odd", query) < 500
    assert owner.get("/views/subscriptions").status_code == 200


def test_unknown_lists_and_views_are_not_found_or_gone(owner: FlaskClient) -> None:
    assert owner.get("/views/events").status_code == 404
    assert post(owner, "/views/events", page=LIST, name="x").status_code == 404
    assert post(owner, "/views/declines/columns", page=LIST).status_code == 404
    assert post(owner, "/views/999/change", page=LIST, name="x").status_code == 303


def test_columns_are_remembered_for_each_person(
    owner: FlaskClient, viewer: FlaskClient
) -> None:
    a_subscription()
    usual = _heads(viewer)
    answer = post(
        owner,
        "/views/subscriptions/columns",
        page=LIST,
        column=["status", "last_code", "nonsense"],
        query="q=customer&columns=plan",
    )
    assert answer.headers["Location"] == f"{LIST}?q=customer"
    assert _heads(owner) == ["Customer", "At Stripe", "Last decline"]
    assert _heads(viewer) == usual
    # An address that names columns, such as a shared one, shows those.
    assert _heads(owner, f"{LIST}?columns=plan") == ["Customer", "Plan"]
    post(owner, "/views/subscriptions/columns", page=LIST)
    assert _heads(owner) == usual
    assert _tabs(owner) == {}


def test_declines_have_views_of_their_own(owner: FlaskClient) -> None:
    a_decline()
    post(owner, "/views/declines", page="/declines", name="Hard", query="kind=hard&x=1")
    assert _tabs(owner, "/declines") == {"Hard": False}
    assert _tabs(owner, "/declines?kind=hard") == {"Hard": True}
    assert _tabs(owner) == {}
