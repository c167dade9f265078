"""A webhook is believed only if Stripe signed it, with a secret of ours, just now."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from app.stripe_gateway import BadSignature, NotAnEvent, verified
from tests.gateway.conftest import recorded

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SECRET = "whsec_Ours"


def signed(body: str, *, secret: str = SECRET, at: datetime = NOW) -> str:
    header = stripe.WebhookSignature.generate_signature_header(
        body, secret, int(at.timestamp())
    )
    assert isinstance(header, str)
    return header


def body_of(**over: Any) -> str:
    return json.dumps(recorded("event.invoice.payment_failed", **over))


def test_a_signed_event_is_read_with_all_that_leads_to_its_object() -> None:
    body = body_of()

    event = verified(body.encode(), signed(body), [SECRET], now=NOW)

    assert (event.id, event.type) == ("evt_1Failed", "invoice.payment_failed")
    assert event.created == datetime(2025, 11, 1, 13, 0, 2, tzinfo=UTC)
    assert (event.livemode, event.account) == (False, None)
    assert event.api_version == "2026-10-28.endive"
    assert (event.object_kind, event.object_id) == ("invoice", "in_1")
    assert (event.customer_id, event.subscription_id) == ("cus_TNora1", "sub_1")
    assert (event.request_id, event.request_idempotency_key) == (None, None)
    assert event.changed == ()
    assert event.payload == body


def test_an_update_says_what_changed_and_who_asked() -> None:
    body = json.dumps(recorded("event.customer.updated"))

    event = verified(body.encode(), signed(body), [SECRET], now=NOW)

    assert event.account == "acct_1Lantern"
    assert event.changed == ("invoice_settings", "email")
    assert event.customer_id == event.object_id == "cus_TNora1"
    assert (event.request_id, event.request_idempotency_key) == ("req_9", "k-9")


def test_a_charge_leads_to_its_payment() -> None:
    body = json.dumps(recorded("event.charge.failed"))

    event = verified(body.encode(), signed(body), [SECRET], now=NOW)

    assert (event.object_kind, event.payment_intent_id) == ("charge", "pi_1")


def test_a_subscription_event_names_itself() -> None:
    about = {"id": "sub_9", "object": "subscription", "customer": "cus_1"}
    body = body_of(type="customer.subscription.updated", data={"object": about})

    event = verified(body.encode(), signed(body), [SECRET], now=NOW)

    assert event.subscription_id == "sub_9"


def test_either_secret_passes_while_one_is_being_replaced() -> None:
    body = body_of()

    header = signed(body, secret="whsec_Old")
    event = verified(body.encode(), header, ["whsec_New", "whsec_Old"], now=NOW)

    assert event.id == "evt_1Failed"


def test_either_signature_passes_while_stripe_rolls_a_secret() -> None:
    body = body_of()

    header = f"{signed(body, secret='whsec_Other')},{signed(body).split(',')[1]}"

    assert verified(body.encode(), header, [SECRET], now=NOW).id == "evt_1Failed"


def test_text_beyond_ascii_is_verified_over_its_bytes() -> None:
    body = json.dumps(
        recorded("event.customer.updated", note="Zoë ✓"), ensure_ascii=False
    )

    event = verified(body.encode(), signed(body), [SECRET], now=NOW)

    assert event.payload == body


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_clock_may_be_five_minutes_off(seconds: int) -> None:
    body = body_of()

    at = NOW + timedelta(seconds=seconds)

    assert verified(body.encode(), signed(body, at=at), [SECRET], now=NOW)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400 * 365])
def test_a_signature_from_another_time_is_refused(seconds: int) -> None:
    body = body_of()

    header = signed(body, at=NOW + timedelta(seconds=seconds))

    with pytest.raises(BadSignature):
        verified(body.encode(), header, [SECRET], now=NOW)


GOOD = signed(body_of())


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=1",
        "v1=abc",
        "t,v1",
        GOOD.replace("v1=", "v0="),
        GOOD[:-1],
        GOOD.replace("t=", "t=9"),
        GOOD.replace("v1=", "v1=é"),
        f"t={'9' * 5000},v1=a",
        "t=nan,v1=a",
        signed(body_of(), secret="whsec_Other"),
    ],
)
def test_a_forged_header_is_refused(header: str | None) -> None:
    with pytest.raises(BadSignature):
        verified(body_of().encode(), header, [SECRET], now=NOW)


def test_a_changed_body_is_refused() -> None:
    body = body_of()

    with pytest.raises(BadSignature):
        verified(body.encode() + b" ", signed(body), [SECRET], now=NOW)


@pytest.mark.parametrize("secrets", [[], [""], ["  "]])
def test_without_a_secret_nothing_is_believed(secrets: list[str]) -> None:
    body = body_of()

    with pytest.raises(BadSignature):
        verified(body.encode(), signed(body, secret=""), secrets, now=NOW)


def test_a_body_that_is_no_text_is_refused() -> None:
    with pytest.raises(BadSignature):
        verified(b"\xff\xfe", GOOD, [SECRET], now=NOW)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no json",
        "[]",
        "null",
        '"evt_1"',
        "{}",
        "[" * 100_000,
        body_of(object="v2.core.event"),
        body_of(id=None),
        body_of(id="evt_1\n"),
        body_of(id="evt_" + "x" * 300),
        body_of(type=None),
        body_of(type=["invoice.paid"]),
        body_of(type="a b"),
        body_of(created=None),
        body_of(created="now"),
        body_of(created=10**30),
    ],
)
def test_what_is_signed_but_no_event_is_refused_as_such(body: str) -> None:
    with pytest.raises(NotAnEvent):
        verified(body.encode(), signed(body), [SECRET], now=NOW)


@pytest.mark.parametrize(
    "over",
    [
        {"data": None},
        {"data": []},
        {"data": {}},
        {"data": {"object": "in_1"}},
        {"data": {"object": {"parent": "x", "customer": {}, "id": 7}}},
        {"data": {"previous_attributes": ["x"]}},
        {"request": "req_1"},
        {"livemode": "yes", "account": 7, "api_version": None},
    ],
)
def test_an_event_with_little_in_it_is_still_an_event(over: dict[str, Any]) -> None:
    body = body_of(**over)

    event = verified(body.encode(), signed(body), [SECRET], now=NOW)

    assert event.id == "evt_1Failed"
    assert event.livemode is False
