from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.domain.account import EventStatus
from app.domain.people import Role
from app.storage.models import AuditEntry, StripeEvent, User
from app.storage.transaction import reading, transaction
from tests.builders import a_account
from tests.conftest import MONDAY, a_user
from tests.web.pages import post

SignIn = Callable[[User], FlaskClient]


def _event(number: int = 1, **over: Any) -> StripeEvent:
    time = MONDAY - timedelta(minutes=number)
    fields = {
        "stripe_event_id": f"evt_{number:04d}",
        "type": "invoice.payment_failed",
        "object_id": f"in_{number:04d}",
        "livemode": False,
        "payload": "{}",
        "occurred_at": time,
        "received_at": time,
        "status": EventStatus.HANDLED,
        "try_at": time,
        **over,
    }
    with transaction() as session:
        event = StripeEvent(**fields)
        session.add(event)
    return event


def _status(event: StripeEvent) -> EventStatus:
    with reading() as session:
        return session.scalars(
            select(StripeEvent.status).where(StripeEvent.id == event.id)
        ).one()


def test_staff_see_what_came_and_what_became_of_it(staff: FlaskClient) -> None:
    account = a_account(name="Tea & <Sons>")
    note = "Stripe did not answer <b>"
    _event(1, account_id=account.id)
    _event(2, status=EventStatus.PENDING, tries=3, note=note, account_id=account.id)
    page = staff.get("/events").text
    assert page.index("evt_0001") < page.index("evt_0002")
    assert "3 tries" in page
    assert "Stripe did not answer &lt;b&gt;" in page
    assert "Tea &amp; &lt;Sons&gt;" in page
    only = staff.get("/events?status=pending").text
    assert "evt_0002" in only
    assert "evt_0001" not in only


def test_an_unknown_status_is_told_and_left_out(staff: FlaskClient) -> None:
    _event(1)
    answer = staff.get("/events?status=lost&page=xx&from=yesterday")
    assert answer.status_code == 200
    assert "is no status we know" in answer.text
    assert "evt_0001" in answer.text


def test_the_list_goes_on_on_the_next_page(staff: FlaskClient) -> None:
    for number in range(1, 52):
        _event(number)
    first = staff.get("/events").text
    assert "evt_0050" in first
    assert "evt_0051" not in first
    address = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "evt_0051" in staff.get(address).text


def test_an_event_is_handled_again_and_the_trail_says_by_whom(
    app: Flask, sign_in: SignIn
) -> None:
    account = a_account()
    event = _event(1, account_id=account.id)
    bob = a_user(Role.STAFF)
    answer = post(sign_in(bob), f"/events/{event.id}/replay", page="/events")
    assert (answer.status_code, answer.location) == (303, "/events")
    assert _status(event) is EventStatus.PENDING
    with reading() as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert (entry.user_id, entry.detail) == (bob.id, "evt_0001")


def test_a_viewer_neither_sees_nor_replays_events(viewer: FlaskClient) -> None:
    event = _event(1)
    assert viewer.get("/events").status_code == 403
    page = "/account/profile"
    assert post(viewer, f"/events/{event.id}/replay", page=page).status_code == 403
    assert _status(event) is EventStatus.HANDLED


def test_events_of_an_account_that_one_may_not_see_do_not_exist(
    app: Flask, sign_in: SignIn
) -> None:
    event = _event(1, account_id=a_account().id)
    _event(2, account_id=None)
    bob = sign_in(a_user(Role.STAFF, sees_all_accounts=False))
    page = bob.get("/events").text
    assert "evt_0001" not in page
    assert "evt_0002" not in page
    answer = post(bob, f"/events/{event.id}/replay", page="/account/profile")
    assert answer.status_code == 404
    assert _status(event) is EventStatus.HANDLED


def test_an_unknown_event_is_not_found(staff: FlaskClient) -> None:
    answer = post(staff, "/events/99/replay", page="/account/profile")
    assert answer.status_code == 404
    assert "There is no such event." in answer.text
