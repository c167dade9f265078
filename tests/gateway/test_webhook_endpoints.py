"""Endpoints, the customers' portal and permissions, set up through Stripe's API."""

from typing import Any
from urllib.parse import urlsplit

import pytest
import responses

from app.domain.snapshots import WebhookEndpoint
from app.stripe_gateway import (
    PROBES,
    CredentialsRefused,
    Gone,
    PermissionStatus,
    Refused,
    StripeGateway,
)
from tests.gateway.conftest import API, a_list, an_error, asked, recorded

ENDPOINTS = f"{API}/v1/webhook_endpoints"
PORTAL = f"{API}/v1/billing_portal/sessions"


def test_an_endpoint_is_made_with_our_version_and_exactly_our_events(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.post(ENDPOINTS, json=recorded("webhook_endpoint"))
    url = "https://panel.example.com/webhooks/stripe/k1"

    endpoint = gateway.create_webhook_endpoint(
        url, ["invoice.payment_failed", "invoice.paid"]
    )

    assert endpoint == WebhookEndpoint(
        id="we_1",
        url=url,
        status="enabled",
        events=("invoice.payment_failed", "invoice.paid"),
        api_version="2026-10-28.endive",
        secret="whsec_Made0nlyOnce",
    )
    assert asked(wire.calls[0]) == {
        "url": [url],
        "enabled_events[0]": ["invoice.payment_failed"],
        "enabled_events[1]": ["invoice.paid"],
        "api_version": ["2026-10-28.endive"],
        "description": ["Metricsco"],
    }


def test_an_endpoint_for_connected_accounts_says_so(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.post(ENDPOINTS, json=recorded("webhook_endpoint"))

    gateway.create_webhook_endpoint(
        "https://x.example/", ["invoice.paid"], connect=True
    )

    assert asked(wire.calls[0])["connect"] == ["true"]


def test_a_lost_answer_makes_no_second_endpoint(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.post(ENDPOINTS, status=500, json=an_error(type="api_error"))
    wire.post(ENDPOINTS, json=recorded("webhook_endpoint"))

    gateway.create_webhook_endpoint("https://x.example/", ["invoice.paid"])

    first, second = (call.request.headers["Idempotency-Key"] for call in wire.calls)
    assert first == second


def test_an_address_that_stripe_refuses_is_refused_with_the_reason(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    error = an_error("url_invalid", "Invalid URL: must be publicly accessible.")
    wire.post(ENDPOINTS, status=400, json=error)

    with pytest.raises(Refused, match="publicly accessible"):
        gateway.create_webhook_endpoint("http://127.0.0.1/", ["invoice.paid"])


def test_endpoints_are_listed_and_deleted(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    listed = recorded("webhook_endpoint", status="disabled")
    del listed["secret"]
    wire.get(ENDPOINTS, json=a_list(listed))
    deleted = {"id": "we_1", "object": "webhook_endpoint", "deleted": True}
    wire.delete(f"{ENDPOINTS}/we_1", json=deleted)

    (endpoint,) = gateway.webhook_endpoints()
    gateway.delete_webhook_endpoint(endpoint.id)

    assert (endpoint.status, endpoint.secret) == ("disabled", None)
    assert wire.calls[1].request.method == "DELETE"


def test_deleting_what_is_gone_says_so(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.delete(f"{ENDPOINTS}/we_1", status=404, json=an_error("resource_missing"))

    with pytest.raises(Gone):
        gateway.delete_webhook_endpoint("we_1")


def test_the_portal_opens_where_the_card_is_replaced(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    session = {"id": "bps_1", "object": "billing_portal.session", "url": "https://b/p"}
    wire.post(PORTAL, json=session)

    assert gateway.portal_url("cus_1", "https://x.example/") == "https://b/p"
    assert asked(wire.calls[0]) == {
        "customer": ["cus_1"],
        "return_url": ["https://x.example/"],
        "flow_data[type]": ["payment_method_update"],
    }


MISSING_OBJECT = (404, an_error("resource_missing", "No such object"))


def answered(wire: responses.RequestsMock, over: dict[str, tuple[int, Any]]) -> None:
    """Stripe lets every probe through, but those in `over`, by their slug."""
    for probe in PROBES:
        lists = probe.method == "get" and not probe.path[-1].endswith("_probe")
        status, body = (200, a_list()) if lists else MISSING_OBJECT
        status, body = over.get(probe.slug, (status, body))
        url = f"{API}/v1/{'/'.join(probe.path)}"
        wire.add(probe.method.upper(), url, status=status, json=body)


def statuses(gateway: StripeGateway) -> dict[str, PermissionStatus]:
    return {check.slug: check.status for check in gateway.check_permissions()}


def test_a_key_that_may_do_all_is_found_to(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    answered(wire, {})

    found = gateway.check_permissions()

    assert {check.status for check in found} == {PermissionStatus.OK}
    assert all(check.why for check in found)
    assert "rak_invoice_write" in {check.slug for check in found if check.is_required}


@pytest.mark.parametrize("slug", [probe.slug for probe in PROBES])
def test_the_one_missing_permission_is_found(
    gateway: StripeGateway, wire: responses.RequestsMock, slug: str
) -> None:
    message = f"Having the '{slug}' permission would allow this request to continue."
    answered(wire, {slug: (403, an_error(message=message))})

    found = statuses(gateway)

    assert found.pop(slug) is PermissionStatus.MISSING
    assert set(found.values()) == {PermissionStatus.OK}


def test_a_permission_that_could_not_be_tried_is_not_known(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    answered(
        wire,
        {
            "rak_charge_read": (429, an_error("rate_limit")),
            "rak_invoice_write": (500, an_error(type="api_error")),
        },
    )

    found = statuses(gateway)

    assert found["rak_charge_read"] is PermissionStatus.UNKNOWN
    assert found["rak_invoice_write"] is PermissionStatus.UNKNOWN


def test_a_refused_key_has_no_permissions_to_speak_of(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    answered(wire, {"rak_invoice_read": (401, an_error())})
    wire.assert_all_requests_are_fired = False

    with pytest.raises(CredentialsRefused):
        gateway.check_permissions()


def test_no_probe_can_reach_an_object_that_exists(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    answered(wire, {})
    gateway.check_permissions()

    for call in wire.calls:
        if call.request.method != "GET":
            aim = urlsplit(str(call.request.url)).path + str(call.request.body or "")
            assert "permission_probe" in aim
