"""Troubles tell what the app needs to know, and no secret."""

import logging
import traceback
from typing import Any

import pytest
import requests
import responses

from app.stripe_gateway import (
    Call,
    ConnectPlatform,
    Credentials,
    PermissionMissing,
    RateLimited,
    Refused,
    StripeGateway,
    StripeTrouble,
    StripeUnavailable,
    redacted,
)
from tests.gateway.conftest import API, KEY, an_error, recorded

INVOICE = f"{API}/v1/invoices/in_1"
CHARGES = f"{API}/v1/charges"


def caught(gateway: StripeGateway) -> StripeTrouble:
    with pytest.raises(StripeTrouble) as info:
        gateway.charges("pi_1")
    return info.value


@pytest.mark.parametrize(
    ("code", "headers", "reason", "retry_after"),
    [
        (
            "rate_limit",
            {"Stripe-Rate-Limited-Reason": "global-rate"},
            "global-rate",
            None,
        ),
        ("lock_timeout", {}, "lock_timeout", None),
        (None, {}, "unknown", None),
        ("rate_limit", {"Retry-After": "2.5"}, "rate_limit", 2.5),
        ("rate_limit", {"Retry-After": "Wed, 21 Oct"}, "rate_limit", None),
        ("rate_limit", {"Retry-After": "-1"}, "rate_limit", None),
        ("rate_limit", {"Retry-After": "nan"}, "rate_limit", None),
        ("rate_limit", {"Retry-After": "1e9"}, "rate_limit", None),
    ],
)
def test_a_rate_limit_says_which_and_how_long(
    gateway: StripeGateway,
    wire: responses.RequestsMock,
    code: str | None,
    headers: dict[str, str],
    reason: str,
    retry_after: float | None,
) -> None:
    wire.get(CHARGES, status=429, json=an_error(code), headers=headers)

    trouble = caught(gateway)

    assert isinstance(trouble, RateLimited)
    assert (trouble.reason, trouble.retry_after) == (reason, retry_after)


def test_a_missing_permission_is_named_by_its_slug(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    message = (
        "The provided key 'rk_test_*********hant' does not have the required "
        "permissions for this endpoint on account 'acct_1Lantern'. Having the "
        "'rak_payment_intent_read' permission would allow this request to continue."
    )
    wire.get(CHARGES, status=403, json=an_error(message=message))

    trouble = caught(gateway)

    assert isinstance(trouble, PermissionMissing)
    assert trouble.permission == "rak_payment_intent_read"
    assert trouble.account == "acct_1Lantern"
    assert "rak_payment_intent_read" in trouble.sentence
    assert "hant" not in trouble.sentence


def test_a_403_without_details_is_still_a_missing_permission(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(CHARGES, status=403, json=an_error(message="Not from this address."))

    trouble = caught(gateway)

    assert isinstance(trouble, PermissionMissing)
    assert (trouble.permission, trouble.account) == (None, None)


def test_what_stripe_will_not_do_is_refused_with_its_sentence(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    error = an_error("property_expansion_max_depth", "You cannot expand more than 4.")
    wire.get(CHARGES, status=400, json=error, headers={"Request-Id": "req_7"})

    trouble = caught(gateway)

    assert isinstance(trouble, Refused)
    assert trouble.code == "property_expansion_max_depth"
    assert str(trouble) == (
        "400 property_expansion_max_depth req_7 You cannot expand more than 4."
    )


def everything_said(trouble: BaseException) -> str:
    """All that a log, a page or an error tracker could show of it."""
    told = [str(trouble), repr(trouble), repr(trouble.args), repr(vars(trouble))]
    return "\n".join([*told, *traceback.format_exception(trouble)])


SECRETS = [
    KEY,
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "rk_live_*********7dc",
    "whsec_Y0uShouldNotSeeThis",
    "ac_OAuthCodeOnce",
    "rt_RefreshToken",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500])
def test_no_trouble_carries_a_secret(
    gateway: StripeGateway,
    wire: responses.RequestsMock,
    caplog: pytest.LogCaptureFixture,
    status: int,
    secret: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    error = an_error("odd", f"Invalid API Key provided: {secret}. Bearer {secret}")
    wire.get(CHARGES, status=status, json=error)

    trouble = caught(gateway)

    tail = secret.split("_", 1)[1]
    assert tail not in everything_said(trouble)
    assert tail not in caplog.text


def test_a_lost_connection_carries_no_secret(
    gateway: StripeGateway,
    wire: responses.RequestsMock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    wire.get(CHARGES, body=requests.ConnectionError(f"Authorization: Bearer {KEY}"))

    trouble = caught(gateway)

    assert isinstance(trouble, StripeUnavailable)
    assert "SecretOfTheMerchant" not in everything_said(trouble)
    assert "SecretOfTheMerchant" not in caplog.text
    assert trouble.__context__ is None


@pytest.mark.parametrize(
    "key", ["rk_test_no\nnewlines", "rk_test_ünïcode", "rk_test_€"]
)
def test_a_key_that_no_header_can_hold_is_not_repeated_either(key: str) -> None:
    with pytest.raises(StripeUnavailable) as info:
        StripeGateway(Credentials(key)).invoice("in_1")

    assert key not in everything_said(info.value)


def test_a_new_webhook_secret_is_not_logged(
    gateway: StripeGateway,
    wire: responses.RequestsMock,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    wire.post(f"{API}/v1/webhook_endpoints", json=recorded("webhook_endpoint"))

    endpoint = gateway.create_webhook_endpoint("https://x.example/", ["invoice.paid"])

    assert endpoint.secret == "whsec_Made0nlyOnce"
    assert "Made0nlyOnce" not in caplog.text + "".join(capsys.readouterr())
    assert "Made0nlyOnce" not in repr(endpoint)


def test_neither_credentials_nor_gateways_print_their_key(
    gateway: StripeGateway,
) -> None:
    printed = [
        repr(Credentials(KEY, "acct_1")),
        repr(gateway),
        repr(vars(gateway)),
        repr(ConnectPlatform("ca_1", KEY)),
    ]

    assert not any("SecretOfTheMerchant" in text for text in printed)


@pytest.mark.parametrize(
    "text",
    ["rak_invoice_write", "acct_1Lantern", "market_count in_1", "pi_1 ch_1 evt_1"],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_every_call_is_told_to_the_observer(
    wire: responses.RequestsMock, calls: list[Call]
) -> None:
    wire.get(INVOICE, json=recorded("invoice"))
    wire.post(f"{INVOICE}/pay", status=402, json=recorded("error.declined"))
    wire.get(CHARGES, status=429, json=an_error("rate_limit"))
    gateway = StripeGateway(Credentials(KEY, "acct_1"), observer=calls.append)

    gateway.invoice("in_1")
    gateway.pay("in_1", idempotency_key="k")
    with pytest.raises(RateLimited):
        gateway.charges("pi_1")

    told: list[Any] = [(c.name, c.is_write, c.account, c.outcome) for c in calls]
    assert told == [
        ("invoice", False, "acct_1", "ok"),
        ("pay", True, "acct_1", "ok"),
        ("charges", False, "acct_1", "RateLimited"),
    ]
    assert all(call.seconds >= 0 for call in calls)
