"""What an event asks for, and who made the charge it tells of."""

import json
from datetime import timedelta

import pytest

from app.domain.declines import MadeBy
from app.domain.errands import (
    Errand,
    Known,
    errand_of,
    hints_of,
    made_by,
    wait_after,
)
from app.domain.event_types import HANDLED_TYPES, LookAt
from app.domain.snapshots import EventEnvelope
from tests.conftest import MONDAY

OURS = Known(
    invoices=frozenset({"in_ours"}),
    customers=frozenset({"cus_ours"}),
    invoice_of_intent={"pi_ours": "in_ours"},
)


def told(type: str, **over: object) -> EventEnvelope:
    fields = {"id": "evt_1", "livemode": False, "created": MONDAY, **over}
    return EventEnvelope(type=type, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("event", "look_at", "target"),
    [
        (
            told("invoice.payment_failed", object_id="in_1", subscription_id="sub_1"),
            LookAt.INVOICE,
            "in_1",
        ),
        (
            told("invoice.paid", object_id="in_1", subscription_id="sub_1"),
            LookAt.INVOICE,
            "in_1",
        ),
        # Nothing in it speaks of a subscription, but we are collecting it.
        (told("invoice.voided", object_id="in_ours"), LookAt.INVOICE, "in_ours"),
        (
            told("invoice.updated", object_id="in_ours", attempt_count=0),
            LookAt.INVOICE,
            "in_ours",
        ),
        (
            told(
                "invoice.updated",
                object_id="in_1",
                subscription_id="sub_1",
                attempt_count=1,
            ),
            LookAt.INVOICE,
            "in_1",
        ),
        (
            told("invoice.payment_failed", object_id="in_silent"),
            LookAt.INVOICE,
            "in_silent",
        ),
        (
            told("customer.subscription.paused", object_id="sub_1"),
            LookAt.SUBSCRIPTION,
            "sub_1",
        ),
        (
            told("payment_method.attached", object_id="pm_1", customer_id="cus_ours"),
            LookAt.CARDS,
            "cus_ours",
        ),
        (
            told("customer.updated", object_id="cus_ours", customer_id="cus_ours"),
            LookAt.CARDS,
            "cus_ours",
        ),
        (
            told("charge.failed", object_id="ch_1", payment_intent_id="pi_ours"),
            LookAt.INVOICE,
            "in_ours",
        ),
        (
            told("charge.failed", object_id="ch_1", payment_intent_id="pi_other"),
            LookAt.CHARGE,
            "ch_1",
        ),
        (
            told("account.application.deauthorized", object_id="ca_1"),
            LookAt.ACCOUNT,
            "ca_1",
        ),
    ],
    ids=lambda value: value.type if isinstance(value, EventEnvelope) else None,
)
def test_an_event_asks_for_one_look(
    event: EventEnvelope, look_at: LookAt, target: str
) -> None:
    assert errand_of(7, event, OURS) == Errand(7, look_at, target)


@pytest.mark.parametrize(
    "event",
    [
        told("invoice.paid", object_id="in_1", billing_reason="manual"),
        told(
            "invoice.updated",
            object_id="in_1",
            subscription_id="sub_1",
            attempt_count=0,
        ),
        told("payment_method.updated", object_id="pm_1", customer_id="cus_other"),
        told("payment_method.updated", object_id="pm_1"),
        told("customer.updated", object_id="cus_other", customer_id="cus_other"),
        told("customer.subscription.updated"),
        told("invoice.created", object_id="in_ours"),
    ],
    ids=lambda event: event.type,
)
def test_an_event_that_concerns_nothing_of_ours_asks_for_nothing(
    event: EventEnvelope,
) -> None:
    assert isinstance(errand_of(7, event, OURS), str)


@pytest.mark.parametrize(
    "event",
    [
        told("invoice.paid", object_id="in_1", subscription_id="sub_1"),
        told("invoice.updated", object_id="in_1", subscription_id="s", attempt_count=0),
        told("payment_method.attached", object_id="pm_1", customer_id="cus_ours"),
        told("charge.failed", object_id="ch_1", payment_intent_id="pi_ours"),
        told("invoice.payment_failed", object_id="in_ours", request_id="req_1"),
        told(
            "invoice.payment_failed",
            object_id="in_ours",
            request_idempotency_key="metricsco-in_ours-1",
        ),
    ],
    ids=lambda event: event.type,
)
def test_the_hints_kept_beside_an_event_decide_as_the_whole_event_does(
    event: EventEnvelope,
) -> None:
    kept = json.loads(json.dumps(hints_of(event)))
    rebuilt = told(event.type, object_id=event.object_id, **kept)
    assert errand_of(7, rebuilt, OURS) == errand_of(7, event, OURS)
    assert made_by(rebuilt, OURS) is made_by(event, OURS)


def test_we_never_subscribe_to_the_event_that_can_hold_up_billing() -> None:
    assert "invoice.created" not in HANDLED_TYPES


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ({"request_idempotency_key": "metricsco-in_ours-1"}, MadeBy.METRICSCO),
        ({"request_id": "req_1", "request_idempotency_key": "x"}, MadeBy.STAFF),
        ({"request_id": "req_1"}, MadeBy.STAFF),
        ({"attempt_count": 2}, MadeBy.STRIPE),
        # Nobody asked and it was the first: the renewal itself.
        ({"attempt_count": 1}, None),
        # The first charge of an invoice is the renewal, even where a call caused it.
        ({"request_id": "req_1", "object_id": "in_new"}, None),
        ({"type": "invoice.paid", "request_id": "req_1"}, None),
    ],
    ids=str,
)
def test_an_event_tells_who_made_the_charge(
    over: dict[str, object], expected: MadeBy | None
) -> None:
    event = told(**{"type": "invoice.payment_failed", "object_id": "in_ours", **over})  # type: ignore[arg-type]
    assert made_by(event, OURS) is expected


def test_waits_grow_to_six_hours_and_stay_there() -> None:
    waits = [wait_after(tries) for tries in (1, 2, 3, 9, 10, 10_000)]
    assert waits == [
        timedelta(minutes=1),
        timedelta(minutes=2),
        timedelta(minutes=4),
        timedelta(minutes=256),
        timedelta(hours=6),
        timedelta(hours=6),
    ]
