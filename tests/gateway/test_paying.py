"""POST /v1/invoices/{id}/pay: every answer Stripe may give becomes one result."""

from typing import Any

import pytest
import requests
import responses

from app.domain.declines import Codes
from app.domain.pay_results import (
    Declined,
    NeedsAction,
    NotPayable,
    NotPayableKind,
    Paid,
    Processing,
)
from app.stripe_gateway import (
    Call,
    CredentialsRefused,
    Gone,
    InFlight,
    KeyReused,
    PermissionMissing,
    RateLimited,
    StripeGateway,
    StripeTrouble,
    StripeUnavailable,
)
from tests.gateway.conftest import API, an_error, asked, recorded

PAY = f"{API}/v1/invoices/in_1/pay"


def pay(gateway: StripeGateway) -> Any:
    return gateway.pay("in_1", idempotency_key="retry-attempt-1")


def test_a_charge_is_off_session_under_its_own_key_and_nothing_else(
    gateway: StripeGateway, wire: responses.RequestsMock, calls: list[Call]
) -> None:
    wire.post(PAY, json=recorded("invoice.unexpanded", status="paid", amount_paid=1900))

    assert pay(gateway) == Paid(1900, "usd")

    (call,) = wire.calls
    assert call.request.headers["Idempotency-Key"] == "retry-attempt-1"
    assert call.request.headers["Stripe-Version"] == "2026-10-28.endive"
    assert "X-Stripe-Client-Telemetry" not in call.request.headers
    assert asked(call) == {"off_session": ["true"]}
    assert [(c.name, c.is_write, c.outcome) for c in calls] == [("pay", True, "ok")]


def test_an_open_invoice_after_an_accepted_charge_is_still_processing(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.post(PAY, json=recorded("invoice.unexpanded"))

    assert pay(gateway) == Processing("open")


def test_a_decline_is_a_result_with_every_code(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.post(PAY, status=402, json=recorded("error.declined"))

    assert pay(gateway) == Declined(
        codes=Codes(
            decline_code="insufficient_funds",
            advice_code="try_again_later",
            network_decline_code="51",
            network_advice_code="02",
        ),
        error_code="card_declined",
        message="Your card has insufficient funds.",
        charge_id="ch_1",
        payment_intent_id="pi_1",
        payment_method_id="pm_older",
    )


def test_a_decline_without_details_has_none(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.post(PAY, status=402, json={"error": {"type": "card_error"}})

    assert pay(gateway) == Declined()


def test_a_specific_error_code_stands_in_for_the_decline_code(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    error = an_error("expired_card", type="card_error", payment_intent={"id": "pi_1"})
    wire.post(PAY, status=402, json=error)

    result = pay(gateway)

    assert result.codes.decline_code == "expired_card"
    assert result.payment_intent_id == "pi_1"


@pytest.mark.parametrize(
    "error",
    [
        an_error("authentication_required", type="card_error"),
        an_error("invoice_payment_intent_requires_action", type="card_error"),
        an_error(
            "card_declined", type="card_error", decline_code="authentication_required"
        ),
    ],
)
def test_asking_for_3d_secure_needs_the_customer(
    gateway: StripeGateway, wire: responses.RequestsMock, error: dict[str, Any]
) -> None:
    wire.post(PAY, status=402, json=error)

    assert isinstance(pay(gateway), NeedsAction)


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("Invoice is already paid", NotPayableKind.ALREADY_PAID),
        ("Voided invoices cannot be paid.", NotPayableKind.VOID),
        (
            (
                "This invoice can no longer be paid. Consider voiding, marking as "
                "uncollectible, or marking as paid out of band instead."
            ),
            NotPayableKind.DEAD,
        ),
        (
            (
                "This PaymentIntent's payment_method could not be updated because it "
                "has a status of canceled."
            ),
            NotPayableKind.DEAD,
        ),
        (
            "There is no `default_payment_method` set on this Customer or Invoice.",
            NotPayableKind.NO_PAYMENT_METHOD,
        ),
        ("Something new.", NotPayableKind.OTHER),
    ],
)
def test_an_invoice_that_cannot_be_charged_is_said_to_be_so(
    gateway: StripeGateway,
    wire: responses.RequestsMock,
    message: str,
    hint: NotPayableKind,
) -> None:
    wire.post(PAY, status=400, json=an_error(message=message))

    assert pay(gateway) == NotPayable(hint, None, message)


def test_no_card_at_all_is_no_decline(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.post(PAY, status=402, json=an_error("missing", type="card_error"))

    assert pay(gateway).hint is NotPayableKind.NO_PAYMENT_METHOD


@pytest.mark.parametrize("status", [400, 404])
def test_a_card_that_is_gone_does_not_make_the_invoice_gone(
    gateway: StripeGateway, wire: responses.RequestsMock, status: int
) -> None:
    message = "No such PaymentMethod: 'pm_older'"
    error = an_error("resource_missing", message, param="payment_method")
    wire.post(PAY, status=status, json=error)

    assert pay(gateway) == NotPayable(
        NotPayableKind.NO_PAYMENT_METHOD, "resource_missing", message
    )


@pytest.mark.parametrize("status", [200, 400, 402])
def test_a_replayed_answer_says_so(
    gateway: StripeGateway, wire: responses.RequestsMock, status: int
) -> None:
    body = (
        recorded("invoice.unexpanded") if status == 200 else recorded("error.declined")
    )
    wire.post(PAY, status=status, json=body, headers={"Idempotent-Replayed": "true"})

    assert pay(gateway).replayed


@pytest.mark.parametrize(
    ("status", "error", "trouble"),
    [
        (404, an_error("resource_missing"), Gone),
        (400, an_error("livemode_mismatch"), Gone),
        (403, an_error(), PermissionMissing),
        (403, an_error("account_invalid"), CredentialsRefused),
        (401, an_error("api_key_expired"), CredentialsRefused),
        (429, an_error("rate_limit"), RateLimited),
        (400, an_error("rate_limit"), RateLimited),
        (429, an_error("lock_timeout"), RateLimited),
        (409, an_error("idempotency_key_in_use", type="idempotency_error"), InFlight),
        (400, an_error(type="idempotency_error"), KeyReused),
        (500, an_error(type="api_error"), StripeUnavailable),
        (503, an_error(type="api_error"), StripeUnavailable),
    ],
)
def test_what_is_no_result_is_a_trouble_asked_once(
    gateway: StripeGateway,
    wire: responses.RequestsMock,
    calls: list[Call],
    status: int,
    error: dict[str, Any],
    trouble: type[StripeTrouble],
) -> None:
    wire.post(PAY, status=status, json=error, headers={"Stripe-Should-Retry": "true"})

    with pytest.raises(trouble) as caught:
        pay(gateway)

    assert type(caught.value) is trouble
    assert caught.value.code == error["error"].get("code")
    assert caught.value.__context__ is None
    assert len(wire.calls) == 1
    assert [call.outcome for call in calls] == [trouble.__name__]


@pytest.mark.parametrize(
    "lost", [requests.ConnectionError("reset"), requests.ReadTimeout("slow")]
)
def test_no_answer_leaves_the_outcome_unknown(
    gateway: StripeGateway, wire: responses.RequestsMock, lost: Exception
) -> None:
    wire.post(PAY, body=lost)

    with pytest.raises(StripeUnavailable):
        pay(gateway)

    assert len(wire.calls) == 1


@pytest.mark.parametrize("status", [200, 302, 400, 401, 402, 403, 404, 409, 429, 500])
@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>Bad gateway</html>",
        "[]",
        "{}",
        '"no"',
        '{"error": null}',
        '{"error": []}',
        '{"error": "odd"}',
        '{"error": "invalid_request"}',
        '{"error": {}}',
        '{"object": "invoice"',
        '{"object": "invoice", "status": "paid"}',
        '{"object": "list", "id": "in_1", "status": "paid"}',
        "[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(
    gateway: StripeGateway,
    wire: responses.RequestsMock,
    status: int,
    body: str | bytes,
) -> None:
    wire.post(PAY, status=status, body=body, headers={"Location": "https://x.invalid/"})

    with pytest.raises(StripeUnavailable):
        pay(gateway)


@pytest.mark.parametrize("odd", ["", "..", "in_1/../in_2", "in_1?x=1", "in 1", "ïn"])
def test_what_cannot_be_an_id_is_never_asked_for(
    gateway: StripeGateway, wire: responses.RequestsMock, odd: str
) -> None:
    with pytest.raises(Gone):
        gateway.pay(odd, idempotency_key="k")

    assert gateway.invoice(odd) is None
    assert gateway.subscription(odd) is None
