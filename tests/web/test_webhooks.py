"""The webhook addresses: what is kept, what is refused, and how it is answered."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text, update
from werkzeug.test import TestResponse

from app import create_app, current
from app.config import Config
from app.domain.account import ConnectionKind, ConnectionStatus, EventStatus
from app.storage.models import StripeAccount, StripeEvent
from app.storage.transaction import reading, transaction
from tests.builders import a_account
from tests.conftest import MONDAY, SetClock
from tests.stripe_events import (
    PLATFORM_SECRET,
    SECRET,
    a_listening_account,
    an_event,
    deliver,
    signature,
)


def kept() -> list[StripeEvent]:
    with reading() as session:
        return list(session.scalars(select(StripeEvent).order_by(StripeEvent.id)))


def the_only_one() -> StripeEvent:
    (event,) = kept()
    return event


def _row_of(account: StripeAccount) -> StripeAccount:
    with reading() as session:
        return session.get_one(StripeAccount, account.id)


def test_a_signed_event_is_kept_as_it_came(client: FlaskClient) -> None:
    account = a_listening_account()
    body = json.dumps(an_event(id="evt_1", object={"id": "in_1", "note": "Zoë \u2603"}))
    answer = deliver(client, account, body)
    assert answer.status_code == 200
    event = the_only_one()
    assert event.payload == body
    assert (event.stripe_event_id, event.object_id) == ("evt_1", "in_1")
    assert (event.account_id, event.type) == (account.id, "invoice.payment_failed")
    assert event.status is EventStatus.PENDING
    assert event.received_at == event.try_at == event.occurred_at == MONDAY


def test_a_repeated_event_is_kept_once_and_answered_alike(client: FlaskClient) -> None:
    account = a_listening_account()
    event = an_event()
    for _ in range(2):
        answer = deliver(client, account, event)
        assert (answer.status_code, answer.text) == (200, "stored\n")
    assert len(kept()) == 1


def test_an_event_shows_that_the_account_is_heard(client: FlaskClient) -> None:
    account = a_listening_account()
    deliver(client, account, an_event())
    assert _row_of(account).last_event_at == MONDAY


def test_no_session_or_form_token_is_asked_for_and_none_is_given(
    client: FlaskClient,
) -> None:
    answer = deliver(client, a_listening_account(), an_event())
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("secret", "age"),
    [
        ("whsec_of_somebody_else", timedelta()),
        (SECRET, timedelta(minutes=6)),
        (SECRET, -timedelta(minutes=6)),
    ],
    ids=["forged", "stale", "from the future"],
)
def test_a_signature_that_does_not_hold_stores_nothing(
    client: FlaskClient, secret: str, age: timedelta
) -> None:
    account = a_listening_account()
    answer = deliver(client, account, an_event(), secret=secret, at=MONDAY - age)
    assert answer.status_code == 400
    assert kept() == []
    assert _row_of(account).bad_signature_at == MONDAY


@pytest.mark.parametrize(
    "header",
    [None, "", "t=1", "v1=abc", "t=x,v1=abc", "t=1,v1=\u2603", "=,=,=", "," * 5000],
)
def test_a_header_that_is_no_signature_stores_nothing(
    client: FlaskClient, header: str | None
) -> None:
    account = a_listening_account()
    answer = client.post(
        f"/webhooks/stripe/{account.connection_key}",
        data=json.dumps(an_event()),
        headers={} if header is None else {"Stripe-Signature": header.encode()},
    )
    assert answer.status_code == 400
    assert kept() == []


def test_a_changed_body_stores_nothing(client: FlaskClient) -> None:
    account = a_listening_account()
    body = json.dumps(an_event())
    answer = client.post(
        f"/webhooks/stripe/{account.connection_key}",
        data=body + " ",
        headers={"Stripe-Signature": signature(body)},
    )
    assert answer.status_code == 400
    assert kept() == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        "null",
        "12",
        '"evt_1"',
        "{}",
        "[" * 100_000,
        '{"a":' * 50_000,
        "9" * 5_000,
        '{"object": "event", "id": "evt_1"}',
        json.dumps({"object": "v2.core.event", "id": "evt_1", "type": "v2.x"}),
        json.dumps(an_event(created=10**30)),
        json.dumps(an_event(created="yesterday")),
        json.dumps(an_event(created=None)),
        json.dumps(an_event(id=5)),
        json.dumps(an_event(id="in_1")),
        json.dumps(an_event(id="evt_" + "x" * 300)),
        json.dumps(an_event(id="evt_\0")),
        json.dumps(an_event(id="evt_\ud800")),
        json.dumps({**an_event(), "type": None}),
        json.dumps(an_event(type="<script>")),
    ],
    ids=lambda body: body[:24] or "empty",
)
def test_what_is_no_event_stores_nothing(client: FlaskClient, body: str) -> None:
    assert deliver(client, a_listening_account(), body).status_code == 400
    assert kept() == []


@pytest.mark.parametrize(
    "over",
    [
        {"data": None},
        {"data": {"object": []}},
        {"data": {"object": {"id": "in_\0\ud800" + "x" * 999}}},
        {"data": {"object": {"id": 7}}},
        {"request": "req_1"},
        {"account": 7},
        {"livemode": None},
    ],
    ids=str,
)
def test_an_event_with_odd_parts_is_kept(
    client: FlaskClient, over: dict[str, Any]
) -> None:
    answer = deliver(client, a_listening_account(), an_event(**over))
    assert answer.status_code == 200
    assert len(kept()) == 1


def test_a_body_of_more_than_a_megabyte_is_refused(client: FlaskClient) -> None:
    account = a_listening_account()
    answer = deliver(client, account, an_event(padding="x" * 1_000_000))
    assert answer.status_code == 413
    assert kept() == []


def test_a_body_that_is_no_text_is_refused(client: FlaskClient) -> None:
    account = a_listening_account()
    answer = client.post(
        f"/webhooks/stripe/{account.connection_key}",
        data=b"\xff\xfe{}",
        headers={"Stripe-Signature": signature("x")},
    )
    assert answer.status_code == 400


def test_an_event_of_a_type_we_do_not_act_on_is_recorded_and_ignored(
    client: FlaskClient,
) -> None:
    account = a_listening_account()
    assert deliver(client, account, an_event("invoice.created")).status_code == 200
    event = the_only_one()
    assert event.status is EventStatus.IGNORED
    assert event.account_id == account.id
    assert event.note == "nothing to do for events of this type"


def test_an_event_of_the_other_mode_is_recorded_and_ignored(
    client: FlaskClient,
) -> None:
    account = a_listening_account(livemode=True)
    assert deliver(client, account, an_event(livemode=False)).status_code == 200
    event = the_only_one()
    assert (event.status, event.account_id) == (EventStatus.IGNORED, None)
    assert event.note is not None
    assert "test mode" in event.note
    assert _row_of(account).last_event_at is None


def test_an_event_of_another_account_at_our_address_is_recorded_and_ignored(
    client: FlaskClient,
) -> None:
    account = a_listening_account()
    deliver(client, account, an_event(account="acct_stranger"))
    event = the_only_one()
    assert (event.status, event.account_id) == (EventStatus.IGNORED, None)
    assert event.note is not None
    assert "acct_stranger" in event.note


@pytest.mark.parametrize(
    "key", ["guess", "a/b", "%00", "%ff", "%F0%9F%98%80", "x" * 5_000, "?a=b", "/"]
)
def test_an_address_nobody_has_is_not_found(client: FlaskClient, key: str) -> None:
    answer = client.post(f"/webhooks/stripe/{key}", data=b"{}")
    assert answer.status_code == 404


def test_a_database_that_fails_makes_stripe_send_again(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    account = a_listening_account()
    with transaction() as session:
        session.execute(text("ALTER TABLE stripe_account RENAME TO away"))
    assert deliver(client, account, an_event()).status_code == 503
    assert "was not stored" in caplog.text


def test_the_addresses_take_nothing_but_deliveries(client: FlaskClient) -> None:
    account = a_listening_account()
    address = f"/webhooks/stripe/{account.connection_key}"
    assert client.get(address).status_code == 405


def test_a_new_secret_holds_at_once_and_the_old_one_for_a_while(
    client: FlaskClient,
) -> None:
    account = a_listening_account()
    assert deliver(client, account, an_event()).status_code == 200
    seal = current.vault().encrypt
    with transaction() as session:
        session.execute(
            update(StripeAccount).values(
                sealed_webhook_secret=seal("whsec_new"),
                sealed_old_webhook_secret=seal(SECRET),
            )
        )
    assert deliver(client, account, an_event(), secret="whsec_new").status_code == 200
    assert deliver(client, account, an_event(), secret=SECRET).status_code == 200


def test_an_event_whose_secret_cannot_be_read_is_sent_again(
    client: FlaskClient,
) -> None:
    account = a_listening_account(sealed_webhook_secret="sealed with a lost key")
    assert deliver(client, account, an_event()).status_code == 503


def test_events_of_accounts_in_trouble_or_switched_off_are_kept(
    client: FlaskClient,
) -> None:
    off = a_listening_account(is_on=False)
    troubled = a_listening_account(status=ConnectionStatus.TROUBLE)
    left = a_listening_account(status=ConnectionStatus.DISCONNECTED)
    for account in (off, troubled, left):
        assert deliver(client, account, an_event()).status_code == 200
    assert [event.status for event in kept()] == [EventStatus.PENDING] * 3


def test_a_sandbox_may_sign_by_its_own_time_or_by_the_machines(
    config: Config, tmp_path: Any
) -> None:
    file = tmp_path / "clock"
    file.write_text(MONDAY.isoformat())
    app = create_app(
        replace(config, clock_file=file, stripe_api_base="http://127.0.0.1:1")
    )
    with app.app_context():
        account, client = a_listening_account(), app.test_client()
        wall = current.clock().wall()
        for at in (MONDAY, wall):
            assert deliver(client, account, an_event(), at=at).status_code == 200
        neither = MONDAY + (wall - MONDAY) / 2
        assert deliver(client, account, an_event(), at=neither).status_code == 400
        app.extensions["reception"].inbox.close()


# The Connect platform's address.


def test_without_a_platform_secret_there_is_no_such_address(
    client: FlaskClient,
) -> None:
    assert _deliver_to_platform(client, an_event()).status_code == 404
    assert kept() == []


@pytest.fixture
def platform(config: Config, clock: SetClock) -> Iterator[FlaskClient]:
    app = create_app(
        replace(config, stripe_webhook_secret=PLATFORM_SECRET), clock=clock
    )
    with app.app_context():
        yield app.test_client()
        app.extensions["reception"].inbox.close()


def _deliver_to_platform(
    client: FlaskClient, event: dict[str, Any], secret: str = PLATFORM_SECRET
) -> TestResponse:
    body = json.dumps(event)
    header = signature(body, secret)
    return client.post(
        "/webhooks/stripe", data=body, headers={"Stripe-Signature": header}
    )


def _of_connect(name: str, **over: Any) -> StripeAccount:
    return a_account(stripe_account_id=name, kind=ConnectionKind.CONNECT, **over)


def test_a_platform_event_belongs_to_the_account_it_names(
    platform: FlaskClient,
) -> None:
    _of_connect("acct_other")
    ours = _of_connect("acct_ours")
    answer = _deliver_to_platform(platform, an_event(account="acct_ours"))
    assert answer.status_code == 200
    event = the_only_one()
    assert (event.account_id, event.status) == (ours.id, EventStatus.PENDING)


@pytest.mark.parametrize("account", [None, "acct_unknown"])
def test_a_platform_event_of_no_account_of_ours_is_recorded_and_ignored(
    platform: FlaskClient, account: str | None
) -> None:
    answer = _deliver_to_platform(platform, an_event(account=account))
    assert answer.status_code == 200
    event = the_only_one()
    assert (event.account_id, event.status) == (None, EventStatus.IGNORED)
    assert event.note is not None
    assert "not connected here in test mode" in event.note


def test_a_platform_event_goes_to_the_account_of_its_mode(
    platform: FlaskClient,
) -> None:
    _of_connect("acct_ours", livemode=True)
    _deliver_to_platform(platform, an_event(account="acct_ours", livemode=False))
    assert the_only_one().status is EventStatus.IGNORED


def test_a_platform_event_that_is_forged_stores_nothing(platform: FlaskClient) -> None:
    _of_connect("acct_ours")
    forged = _deliver_to_platform(platform, an_event(account="acct_ours"), SECRET)
    assert forged.status_code == 400
    assert kept() == []


def test_a_fresh_account_is_heard_although_it_was_unknown_a_moment_ago(
    platform: FlaskClient,
) -> None:
    _deliver_to_platform(platform, an_event(account="acct_ours"))
    ours = _of_connect("acct_ours")
    _deliver_to_platform(platform, an_event(account="acct_ours"))
    assert [event.account_id for event in kept()] == [None, ours.id]


def test_a_closed_inbox_asks_stripe_to_send_again(
    app: Flask, client: FlaskClient
) -> None:
    account = a_listening_account()
    app.extensions["reception"].inbox.close()
    assert deliver(client, account, an_event()).status_code == 503
