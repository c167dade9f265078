"""The strategies: pictures with their tables, and the choice for an account."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.domain.account import ConnectionStatus
from app.domain.strategies import ALL
from app.storage.models import AuditEntry, StripeAccount
from app.storage.transaction import reading
from tests.builders import a_account
from tests.web.pages import csrf_of, post


def _strategy_of(account_id: int) -> str:
    with reading() as session:
        return session.get_one(StripeAccount, account_id).strategy


def _trail() -> list[str]:
    with reading() as session:
        return [
            entry.detail
            for entry in session.scalars(select(AuditEntry))
            if entry.action == "strategy chosen"
        ]


def test_the_list_draws_every_strategy(viewer: FlaskClient) -> None:
    page = viewer.get("/strategies").text
    assert page.count("<svg") == len(ALL)
    for name in ALL:
        assert f'href="/strategies/{name}"' in page
    assert "No Stripe account is connected yet" in page
    assert 'href="/strategies" aria-current="page"' in page


@pytest.mark.parametrize("name", ALL)
def test_each_strategy_has_its_page(viewer: FlaskClient, name: str) -> None:
    answer = viewer.get(f"/strategies/{name}")
    assert answer.status_code == 200
    assert answer.text.count("<svg") == 3
    assert "style=" not in answer.text


def test_a_picture_and_its_table_tell_the_same(viewer: FlaskClient) -> None:
    page = viewer.get("/strategies/fixed-ladder").text
    assert "4 retries on day 1.0, 3.0, 5.0, 7.0." in page
    days = re.findall(r'<td class="num">([\d.]+)</td>', page)
    assert days[:8] == ["1", "1.0", "2", "3.0", "3", "5.0", "4", "7.0"]


def test_an_unknown_strategy_is_not_found(viewer: FlaskClient) -> None:
    assert viewer.get("/strategies/martingale").status_code == 404


def test_an_owner_chooses_for_an_account(owner: FlaskClient) -> None:
    account = a_account()
    answer = post(
        owner,
        "/strategies/choice",
        page="/strategies",
        account=account.id,
        strategy="fixed-ladder",
    )
    assert (answer.status_code, answer.location) == (303, "/strategies")
    assert _strategy_of(account.id) == "fixed-ladder"
    assert _trail() == ["fixed-ladder instead of even-spread, for new recoveries"]
    assert '<option value="fixed-ladder" selected>' in owner.get("/strategies").text
    assert "Tea &amp; Sons" in owner.get("/strategies/fixed-ladder").text


def test_htmx_gets_the_choice_alone(owner: FlaskClient) -> None:
    account = a_account()
    answer = owner.post(
        "/strategies/choice",
        data={
            "csrf_token": csrf_of(owner, "/strategies"),
            "account": account.id,
            "strategy": "hands-off",
        },
        headers={"HX-Request": "true"},
    )
    assert answer.text.lstrip().startswith('<section class="card" id="choice"')
    assert "those under way keep theirs" in answer.text


def test_an_unknown_choice_is_answered_with_a_sentence(owner: FlaskClient) -> None:
    account = a_account()
    answer = post(
        owner,
        "/strategies/choice",
        page="/strategies",
        account=account.id,
        strategy="martingale",
    )
    assert answer.status_code == 422
    assert "Choose a strategy from the list." in answer.text
    assert _strategy_of(account.id) == "even-spread"
    assert _trail() == []


def test_an_account_that_has_left_takes_no_choice(owner: FlaskClient) -> None:
    a_account()
    left = a_account(status=ConnectionStatus.DISCONNECTED)
    answer = post(
        owner,
        "/strategies/choice",
        page="/strategies",
        account=left.id,
        strategy="hands-off",
    )
    assert answer.status_code == 422
    assert _strategy_of(left.id) == "even-spread"


def test_staff_see_the_choice_and_cannot_make_it(staff: FlaskClient) -> None:
    account = a_account()
    assert "<select" not in staff.get("/strategies").text
    answer = staff.post(
        "/strategies/choice",
        data={
            "csrf_token": csrf_of(staff, "/account/profile"),
            "account": account.id,
            "strategy": "hands-off",
        },
    )
    assert answer.status_code == 403
    assert _strategy_of(account.id) == "even-spread"
