"""Events that Stripe made against those that arrived, with some lost on the way."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.config import Config
from app.sandbox import Sandbox, start_sandbox
from app.sandbox.founding import MERCHANT_KEY
from app.services import account_cards, accounts, imports, missed_events, reconciler
from app.services.account_cards import Arrivals, WebhookHealth
from app.storage.models import StripeAccount, StripeEvent
from app.storage.transaction import reading
from tests.conftest import MONDAY, SetClock

HOUR = timedelta(hours=1)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Stripe, whose deliveries wait until a test hands them over."""
    with start_sandbox(now=MONDAY.isoformat()) as sandbox:
        sandbox.retries(mode="none")
        sandbox.deliver(mode="hold")
        yield sandbox


@pytest.fixture
def config(config: Config, sandbox: Sandbox) -> Config:
    return replace(config, stripe_api_base=sandbox.url, public_url="http://127.0.0.1:9")


@pytest.fixture
def account_id(app: Flask) -> int:
    account_id = accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=MONDAY)
    imports.go_on(now=MONDAY)
    assert reconciler.reconcile(now=MONDAY) == 1
    return account_id


def now_of(sandbox: Sandbox) -> datetime:
    return datetime.fromisoformat(sandbox.now())


def a_declined_renewal(sandbox: Sandbox) -> None:
    member = sandbox.subscriber()
    assert member.payment_method
    sandbox.script(member.payment_method, default="insufficient_funds")
    sandbox.take_deliveries()  # of the first payment: older than what Stripe lists
    sandbox.advance(days=31)


def hand_over(
    app: Flask, clock: SetClock, sandbox: Sandbox, *, lose: int = 0
) -> set[str]:
    """Deliver what is held, but for the last few; the ids of all of them."""
    with reading() as session:
        key = session.scalars(select(StripeAccount.connection_key)).one()
    held = sandbox.take_deliveries()
    for delivery in held[: len(held) - lose]:
        signed_at = delivery["headers"]["Stripe-Signature"].split(",")[0]
        clock.time = datetime.fromtimestamp(int(signed_at.removeprefix("t=")), UTC)
        answer = app.test_client().post(
            f"/webhooks/stripe/{key}",
            data=delivery["body"],
            headers=delivery["headers"],
        )
        assert answer.status_code == 200
    return {str(json.loads(delivery["body"])["id"]) for delivery in held}


def webhook_of(account_id: int, *, now: datetime) -> WebhookHealth:
    return account_cards.card_of(account_id, now=now).webhook


def arrivals_of(account_id: int, *, now: datetime) -> Arrivals:
    found = webhook_of(account_id, now=now).arrivals
    assert found is not None
    return found


def stored() -> set[str]:
    with reading() as session:
        return set(session.scalars(select(StripeEvent.stripe_event_id)))


def test_what_arrived_is_counted_as_expected_and_received(
    app: Flask, clock: SetClock, account_id: int, sandbox: Sandbox
) -> None:
    a_declined_renewal(sandbox)
    made = hand_over(app, clock, sandbox)
    now = now_of(sandbox)

    assert reconciler.reconcile(now=now) == 1
    found = arrivals_of(account_id, now=now)
    assert (found.expected, found.received) == (len(made), len(made))
    assert len(made) > 2
    assert found.until == now - HOUR
    assert found.since == now - missed_events.EVENTS_KEPT


def test_what_was_lost_is_missed_then_fetched_and_never_counted_as_received(
    app: Flask, clock: SetClock, account_id: int, sandbox: Sandbox
) -> None:
    a_declined_renewal(sandbox)
    made = hand_over(app, clock, sandbox, lose=2)
    assert len(stored()) == len(made) - 2
    now = now_of(sandbox)

    reconciler.reconcile(now=now)
    found = arrivals_of(account_id, now=now)
    assert (found.expected, found.received) == (len(made), len(made) - 2)
    assert found.missed == 2
    assert stored() == made

    later = now + timedelta(hours=7)
    reconciler.reconcile(now=later)
    again = arrivals_of(account_id, now=later)
    assert again == Arrivals(0, 0, since=now - HOUR, until=later - HOUR)


def test_a_pass_cut_off_after_counting_does_not_count_what_it_fetched(
    app: Flask, clock: SetClock, account_id: int, sandbox: Sandbox
) -> None:
    a_declined_renewal(sandbox)
    made = hand_over(app, clock, sandbox, lose=2)
    now = now_of(sandbox)
    sandbox.fault(method="GET", path="/v1/events", status=500, times=3, skip=1)

    assert reconciler.reconcile(now=now) == 0
    assert stored() == made
    assert arrivals_of(account_id, now=now).missed == 2
    later = now + timedelta(minutes=10)
    assert reconciler.reconcile(now=later) == 1
    assert arrivals_of(account_id, now=later).received == 0


@pytest.mark.usefixtures("app")
def test_what_is_on_its_way_is_not_expected_yet(
    account_id: int, sandbox: Sandbox
) -> None:
    sandbox.subscriber()
    assert sandbox.take_deliveries()

    now = MONDAY + timedelta(minutes=59)
    reconciler.reconcile(now=now)
    assert webhook_of(account_id, now=now).arrivals is None
    assert not stored()


def test_of_too_many_events_only_the_newest_whole_seconds_are_counted(
    app: Flask,
    account_id: int,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(40):
        sandbox.subscriber()
    sandbox.advance(days=31)
    monkeypatch.setattr(missed_events, "MOST_PAGES", 1)
    now = now_of(sandbox)

    reconciler.reconcile(now=now)
    found = arrivals_of(account_id, now=now)
    assert found.expected < 100
    assert found.since > now - missed_events.EVENTS_KEPT


def test_without_the_permission_that_is_said_and_with_it_the_count_goes_on(
    app: Flask, account_id: int, sandbox: Sandbox
) -> None:
    sandbox.key(MERCHANT_KEY, revoke=["event_read"])
    a_declined_renewal(sandbox)
    now = now_of(sandbox)
    reconciler.reconcile(now=now)
    webhook = webhook_of(account_id, now=now)
    assert webhook.is_compared
    assert webhook.arrivals is None

    sandbox.key(MERCHANT_KEY, grant=["event_read"])
    later = now + timedelta(hours=7)
    reconciler.reconcile(now=later)
    assert arrivals_of(account_id, now=later).since == now - HOUR
