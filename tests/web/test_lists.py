"""The lists: filters, odd wishes, hostile names, fragments, few queries."""

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from app.domain.declines import DeclineKind
from app.domain.lifecycle import Lifecycle
from app.domain.people import Role
from app.extensions import db
from app.storage.connection_models import AccountAccess
from app.storage.transaction import transaction
from tests.builders import a_account, a_decline, a_recovery, a_subscription, a_user
from tests.conftest import MONDAY, SetClock, SignIn

FRAGMENT = {"HX-Request": "true"}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202egnp.exe",
    "👩‍👩‍👧‍👦 {{ 7 * 7 }}",
    "x" * 10_000,
    # Stripe's NULs stop at the gateway; PostgreSQL could not keep one.
    pytest.param("null\x00byte", marks=pytest.mark.sqlite),
    "'; DROP TABLE subscription; --",
)


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    """Collects every statement that pages run."""
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement != "BEGIN":
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_a_subscription_shows_all_that_staff_look_for(viewer: FlaskClient) -> None:
    a_subscription(
        customer_name="Ann Tea",
        customer_email="ann@tea.example",
        plan="Gold",
        amount=1900,
        currency="eur",
        status="past_due",
        lifecycle=Lifecycle.IN_RETRY,
        declines=3,
        next_retry_at=MONDAY + timedelta(hours=5),
        recovered_amount=123456,
    )
    page = viewer.get("/subscriptions").text
    for shown in (
        "Ann Tea", "ann@tea.example", "Gold", "19.00 EUR", "Past due", "In retry",
        "in 5 hours", "2026-11-02T14:00:00Z", "1,234.56 EUR",
    ):  # fmt: skip
        assert shown in page, shown


def test_a_price_names_the_whole_time_that_it_pays_for(viewer: FlaskClient) -> None:
    made = a_subscription(amount=1900, interval="week", interval_count=4)
    row = viewer.get("/subscriptions").text
    assert '19.00 EUR <span class="quiet">/ 4 weeks</span>' in row
    page = viewer.get(f"/subscriptions/{made.stripe_subscription_id}").text
    assert "19.00 EUR every 4 weeks" in page
    (told,) = csv.DictReader(viewer.get("/subscriptions.csv").text.splitlines())
    assert (told["interval"], told["interval_count"]) == ("week", "4")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_on_every_page(viewer: FlaskClient, name: str) -> None:
    made = a_subscription(customer_name=name, plan=name, customer_email=name)
    recovery = a_recovery(
        subscription_id=made.id,
        stripe_customer_id=made.stripe_customer_id,
        status_reason=name,
    )
    a_decline(recovery_id=recovery.id, stripe_customer_id=made.stripe_customer_id)
    for address in (
        "/",
        "/subscriptions",
        "/declines",
        f"/subscriptions/{made.stripe_subscription_id}",
        f"/recoveries/{recovery.id}",
        "/subscriptions.csv",
        "/declines.csv",
    ):
        answer = viewer.get(address)
        assert answer.status_code == 200, address
        if answer.mimetype == "text/html":
            assert "<script>alert" not in answer.text
            assert "<img src=x" not in answer.text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("status=bogus", "“bogus” is no status we know"),
        ("from=yesterday", "is no day of ours for “from”"),
        ("to=99999-01-01", "is no day of ours for “to”"),
        ("from=0001-01-01", "is no day of ours for “from”"),
        ("from=2026-12-01&to=2026-01-01", "were swapped"),
        ("page=tampered", "this is the first page"),
        ("page=" + "A" * 5000, "this is the first page"),
        ("q=" + "y" * 3000, "Only the first 200 characters"),
    ],
)
def test_an_odd_wish_shows_the_list_with_a_sentence(
    viewer: FlaskClient, query: str, sentence: str
) -> None:
    a_subscription()
    answer = viewer.get(f"/subscriptions?{query}")
    assert answer.status_code == 200
    assert sentence in answer.text


@pytest.mark.parametrize("query", ["kind=odd", "from=1&kind=2&page=3", "code=a%0d%0ab"])
def test_odd_wishes_for_declines_show_the_list_too(
    viewer: FlaskClient, query: str
) -> None:
    a_decline()
    answer = viewer.get(f"/declines?{query}")
    assert answer.status_code == 200
    assert "left out" in answer.text


@pytest.mark.parametrize(
    "text", ["%00", "%ff%fe", "%f0%9f%92%a9", "'", '"', "%25", "_", "%5c", "%e2%80%ae"]
)
def test_no_search_is_our_fault(viewer: FlaskClient, text: str) -> None:
    for address in ("/subscriptions", "/declines", "/subscriptions.csv"):
        for query in (text, text * 40):
            answer = viewer.get(f"{address}?q={query}")
            assert answer.status_code < 500, (address, query)


def test_a_list_is_walked_forth_and_back_by_its_links(viewer: FlaskClient) -> None:
    for n in range(120):
        a_subscription(customer_name=f"No-{n:03}.", created_at=MONDAY)
    first = viewer.get("/subscriptions").text
    assert _names(first) == [f"No-{n:03}." for n in range(119, 69, -1)]
    second = viewer.get(_link(first, "next")).text
    assert _names(second)[0] == "No-069."
    third = viewer.get(_link(second, "next")).text
    assert _names(third)[-1] == "No-000."
    assert 'rel="next"' not in third
    assert _names(viewer.get(_link(third, "prev")).text) == _names(second)


def test_filters_stay_in_the_links(viewer: FlaskClient) -> None:
    for _ in range(60):
        a_subscription(customer_name="Ann & Söhne", status="past_due")
    page = viewer.get("/subscriptions?q=ann+%26&status=past_due").text
    link = _link(page, "next")
    assert "q=ann+%26" in link
    assert "status=past_due" in link
    assert len(_names(viewer.get(link).text)) == 10


def test_a_fragment_is_the_list_alone(viewer: FlaskClient) -> None:
    a_subscription()
    answer = viewer.get("/subscriptions", headers=FRAGMENT)
    assert "<html" not in answer.text
    assert 'id="listing"' in answer.text


def test_a_list_refreshes_while_something_is_open_and_not_after(
    viewer: FlaskClient,
) -> None:
    a_subscription()
    assert "every 4s" not in viewer.get("/subscriptions").text
    a_recovery()
    assert "every 4s" in viewer.get("/subscriptions").text


def test_a_poll_without_news_changes_nothing(
    viewer: FlaskClient, clock: SetClock
) -> None:
    a_recovery()
    page = viewer.get("/subscriptions").text
    seen = page.split('{"seen": "')[1].split('"')[0]
    assert (
        viewer.get(f"/subscriptions?seen={seen}", headers=FRAGMENT).status_code == 204
    )
    a_subscription(customer_name="Newcomer")
    answer = viewer.get(f"/subscriptions?seen={seen}", headers=FRAGMENT)
    assert "Newcomer" in answer.text


@pytest.mark.parametrize("many", [3, 60])
def test_a_page_takes_the_same_few_queries_however_long_it_is(
    viewer: FlaskClient, many: int
) -> None:
    for _ in range(many):
        a_decline(kind=DeclineKind.HARD)
    for address, most in (("/subscriptions", 5), ("/declines", 6)):
        with counted_queries() as seen:
            assert viewer.get(address).status_code == 200
        # The user, the accounts and whether anything is open, the currencies to choose
        # from, the rows, saved views; beside declines, counts by code.
        assert len(seen) == most, seen


def test_filters_rarely_true_together_say_so_and_go_on(
    viewer: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.storage.listings.narrowing.FEW", -1)
    monkeypatch.setattr("app.storage.listings.listing.NEAR", 2)
    monkeypatch.setattr("app.storage.listings.listing.WALKED", 4)
    a_subscription(customer_name="The Oldest", status="unpaid")
    for n in range(6):
        a_subscription(created_at=MONDAY + timedelta(days=n + 1))
    page = viewer.get("/subscriptions?lifecycle=converted&status=unpaid").text
    assert "none fits" in page
    assert "No subscriptions fit" not in page
    following = re.search(r'rel="next" href="([^"]+)"', page)
    assert following
    page = viewer.get(following[1].replace("&amp;", "&")).text
    assert "The Oldest" in page
    assert "rarely true together" not in page


def test_a_page_of_fifty_is_light(viewer: FlaskClient) -> None:
    for n in range(60):
        made = a_subscription(customer_name=f"A Customer of Quite Usual Length {n}")
        recovery = a_recovery(subscription_id=made.id)
        a_decline(recovery_id=recovery.id)
    for address in ("/subscriptions", "/declines"):
        assert len(viewer.get(address).data) < 60_000, address


def test_an_empty_list_says_what_to_do_next(viewer: FlaskClient) -> None:
    page = viewer.get("/subscriptions").text
    assert "No Stripe account is connected" in page
    assert "/account/payment-processor" in page
    a_account()
    assert "No subscriptions yet" in viewer.get("/subscriptions").text
    assert "Clear the filters" in viewer.get("/subscriptions?q=nobody").text


def test_a_member_of_one_account_finds_nothing_of_another(sign_in: SignIn) -> None:
    mine, other = a_account(), a_account()
    hidden = a_subscription(account_id=other.id, customer_name="Hidden")
    recovery = a_recovery(subscription_id=hidden.id, account_id=other.id)
    user = a_user(role=Role.STAFF, sees_all_accounts=False)
    with transaction() as session:
        session.add(AccountAccess(user_id=user.id, account_id=mine.id))
    client = sign_in(user)
    assert "Hidden" not in client.get("/subscriptions").text
    assert "Hidden" not in client.get("/subscriptions.csv").text
    for address in (
        f"/subscriptions/{hidden.stripe_subscription_id}",
        f"/recoveries/{recovery.id}",
    ):
        assert client.get(address).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/subscriptions/sub_nobody",
        "/subscriptions/" + "x" * 2000,
        "/subscriptions/%00",
        "/recoveries/999",
        "/recoveries/99999999999999999999999",
        "/recoveries/-1",
        "/recoveries/0",
    ],
)
def test_unknown_things_are_not_found(viewer: FlaskClient, address: str) -> None:
    assert viewer.get(address).status_code == 404


def _names(page: str) -> list[str]:
    return re.findall(r"<th scope=\"row\"><a [^>]*><bdi>([^<]*)", page)


def _link(page: str, rel: str) -> str:
    href = page.split(f'rel="{rel}" href="')[1].split('"')[0]
    return href.replace("&amp;", "&")
