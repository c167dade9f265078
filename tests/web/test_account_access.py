"""Several accounts: lists narrowed to one, members restricted to some, no leaks."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from zipfile import ZipFile

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.domain.people import Role
from app.storage.models import (
    AuditEntry,
    Decline,
    Recovery,
    StripeAccount,
    Subscription,
    User,
)
from app.storage.transaction import reading
from tests.builders import a_account, a_decline, a_recovery, a_subscription
from tests.conftest import a_user
from tests.stripe_events import a_kept_event
from tests.web.pages import csrf_of, post
from tests.web.routes import routes

SignIn = Callable[[User], FlaskClient]


@dataclass(frozen=True, slots=True)
class Shop:
    """An account with a subscription, its recovery and its decline."""

    account: StripeAccount
    subscription: Subscription
    recovery: Recovery
    decline: Decline


def a_shop(name: str) -> Shop:
    account = a_account(name=name)
    subscription = a_subscription(account_id=account.id, customer_name=f"Of {name}")
    recovery = a_recovery(account_id=account.id, subscription_id=subscription.id)
    decline = a_decline(account_id=account.id, recovery_id=recovery.id)
    return Shop(account, subscription, recovery, decline)


@pytest.fixture
def shops(app: object) -> tuple[Shop, Shop]:
    return a_shop("Teashop"), a_shop("Bookshop")


SECRET = "ofthebookshop"
LISTS = ("/subscriptions", "/declines", "/subscriptions.csv", "/declines.csv", "/")


@pytest.mark.parametrize("address", LISTS[:4])
def test_every_list_can_be_narrowed_to_one_account(
    owner: FlaskClient, shops: tuple[Shop, Shop], address: str
) -> None:
    tea, books = shops
    both = owner.get(address).text
    one = owner.get(f"{address}?account={tea.account.id}").text

    for shop, shown in ((tea, True), (books, False)):
        word = {
            "/subscriptions": shop.subscription.stripe_subscription_id,
            "/subscriptions.csv": shop.subscription.stripe_subscription_id,
            "/declines": f"/recoveries/{shop.recovery.id}",
            "/declines.csv": shop.decline.stripe_charge_id,
        }[address]
        assert word in both
        assert (word in one) is shown


def test_an_account_that_is_not_there_is_left_out_and_said(
    owner: FlaskClient, shops: tuple[Shop, Shop]
) -> None:
    page = owner.get("/subscriptions?account=999")

    assert page.status_code == 200
    assert "no account we know" in page.text
    assert owner.get("/subscriptions.csv?account=999").status_code == 422
    assert shops


def test_the_choice_is_offered_only_where_there_is_one(
    owner: FlaskClient, app: object
) -> None:
    a_shop("Teashop")
    assert 'id="f-account"' not in owner.get("/subscriptions").text
    a_shop("Bookshop")
    assert 'id="f-account"' in owner.get("/subscriptions").text


@pytest.fixture
def restricted(
    owner: FlaskClient, shops: tuple[Shop, Shop], sign_in: SignIn
) -> FlaskClient:
    """A member of the staff who sees the tea shop only."""
    member = a_user(Role.STAFF)
    answer = post(
        owner,
        f"/account/team/{member.id}/accounts",
        which="some",
        account=[str(shops[0].account.id)],
    )
    assert answer.status_code == 303
    return sign_in(member)


def test_a_restricted_member_finds_nothing_of_the_other_account(
    restricted: FlaskClient, shops: tuple[Shop, Shop]
) -> None:
    _, books = shops
    for address in (*LISTS, "/attempts.csv", "/account/payment-processor"):
        assert "Bookshop" not in restricted.get(address).text
        assert restricted.get(address).status_code == 200
    for address in (
        f"/recoveries/{books.recovery.id}",
        f"/subscriptions/{books.subscription.stripe_subscription_id}",
        f"/account/payment-processor/complete?account={books.account.id}",
    ):
        assert restricted.get(address).status_code == 404
    assert (
        "Bookshop"
        not in restricted.get(
            f"/account/payment-processor/guide?account={books.account.id}"
        ).text
    )
    page = restricted.get(f"/subscriptions?account={books.account.id}").text
    assert "no account we know" in page


def test_a_restricted_member_cannot_act_on_the_other_account(
    restricted: FlaskClient, shops: tuple[Shop, Shop]
) -> None:
    hidden = shops[1].recovery.id
    for action in ("retries", "pause", "resume", "stop"):
        answer = post(
            restricted, f"/recoveries/{hidden}/{action}", page="/subscriptions"
        )
        assert answer.status_code in {404, 405}
    answer = post(
        restricted,
        "/account/payment-processor/guide/check",
        page="/subscriptions",
        account=str(shops[1].account.id),
    )
    assert answer.status_code == 404


def _ids_of(shop: Shop) -> dict[str, object]:
    """What every argument of a route is, for one shop."""
    return {
        "recovery_id": shop.recovery.id,
        "stripe_subscription_id": shop.subscription.stripe_subscription_id,
        "event_id": a_kept_event(shop.account.id, object={"id": f"in_{SECRET}"}).id,
    }


def _told(answer: TestResponse) -> str:
    """All that an answer says, a workbook's sheets included, a PDF's text not."""
    if answer.mimetype == "application/pdf":
        return str(answer.data, "latin-1")
    if answer.data[:2] != b"PK":
        return answer.text
    with ZipFile(BytesIO(answer.data)) as book:
        return "".join(book.read(name).decode() for name in book.namelist())


def test_no_page_shows_a_restricted_member_anything_of_the_other_account(
    app: Flask, restricted: FlaskClient, owner: FlaskClient, shops: tuple[Shop, Shop]
) -> None:
    books = shops[1]
    account = f"account={books.account.id}"
    met = set()
    for endpoint, method, address in routes(app, **_ids_of(books)):
        if method != "GET" or endpoint == "static":
            continue
        if "Bookshop" in _told(owner.get(address)):
            met.add(endpoint)
        for question in ("", f"?{account}", f"?q=Bookshop&{account}"):
            told = _told(restricted.get(address + question))
            assert "Of Bookshop" not in told, address
            assert SECRET not in told, address
            assert books.account.stripe_account_id not in told, address
    # The walk is worth something: it does come by where the shop is shown.
    assert met >= {"subscriptions.index", "subscriptions.show", "recoveries.show"}


def test_no_form_lets_a_restricted_member_act_on_the_other_account(
    app: Flask, restricted: FlaskClient, shops: tuple[Shop, Shop]
) -> None:
    books = shops[1]
    token = csrf_of(restricted, "/account/profile")
    form = {"csrf_token": token, "account": str(books.account.id)}
    own = (
        "sessions.",
        "profile.",
        "confirmation.",
        "second_",
        "security.",
        "links.",
        "saved_views.",
    )
    for endpoint, method, address in routes(app, **_ids_of(books)):
        if method != "GET" and not endpoint.startswith(own):
            answer = restricted.open(address, method=method, data=form)
            # An action on nothing: the other shop's rows were not even asked about.
            refused = {422} if endpoint == "bulk.create" else {403, 404}
            assert answer.status_code in refused, f"{method} {address}"


def test_the_restriction_is_lifted_and_is_in_the_trail(
    owner: FlaskClient, restricted: FlaskClient, shops: tuple[Shop, Shop]
) -> None:
    with reading() as session:
        member = session.query(User).filter_by(role=Role.STAFF).one()
        told = session.query(AuditEntry).filter_by(action="team.accounts").one()
    assert member.email in told.detail

    post(owner, f"/account/team/{member.id}/accounts", which="all")
    assert "Of Bookshop" in restricted.get("/subscriptions").text
    assert shops


def test_an_owner_is_never_restricted(
    owner: FlaskClient, shops: tuple[Shop, Shop]
) -> None:
    other = a_user(Role.OWNER, email="other@example.com")

    answer = post(
        owner,
        f"/account/team/{other.id}/accounts",
        page="/account/team",
        which="some",
    )
    assert answer.status_code == 422
    assert shops


@pytest.mark.parametrize("role", [Role.STAFF, Role.VIEWER])
def test_only_owners_restrict(app: object, sign_in: SignIn, role: Role) -> None:
    member = a_user(role)
    client = sign_in(member)
    address = f"/account/team/{member.id}/accounts"

    assert client.get(address).status_code == 403
    assert post(client, address, page="/", which="all").status_code == 403
