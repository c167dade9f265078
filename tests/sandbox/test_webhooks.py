"""Signed deliveries to an endpoint, as the stripe library verifies them."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import stripe

from app.sandbox import Sandbox


@dataclass
class Listener:
    """An endpoint on this machine that keeps what it is sent."""

    url: str = ""
    status: int = 200
    got: list[tuple[bytes, str]] = field(default_factory=list)


@pytest.fixture
def listener() -> Iterator[Listener]:
    heard = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.got.append((body, self.headers["Stripe-Signature"]))
            self.send_response(heard.status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    heard.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield heard
    server.shutdown()
    thread.join()
    server.server_close()


def listen(merchant: stripe.StripeClient, listener: Listener, *types: Any) -> str:
    made = merchant.v1.webhook_endpoints.create(
        {"url": listener.url, "enabled_events": list(types)}
    )
    assert made.secret
    return made.secret


def types_of(sandbox: Sandbox, status: str) -> list[str]:
    return [d["type"] for d in sandbox.deliveries() if d["status"] == status]


def test_a_delivery_passes_the_librarys_own_check(
    sandbox: Sandbox, merchant: stripe.StripeClient, listener: Listener
) -> None:
    secret = listen(merchant, listener, "invoice.payment_failed", "charge.failed")
    ann = sandbox.subscriber()
    assert ann.payment_method
    sandbox.script(ann.payment_method, "insufficient_funds")
    sandbox.advance(days=31)
    assert len(listener.got) == 2
    for body, signature in listener.got:
        event = merchant.construct_event(body, signature, secret)
        assert event.type in ("invoice.payment_failed", "charge.failed")


def test_the_secret_is_told_once(
    merchant: stripe.StripeClient, listener: Listener
) -> None:
    listen(merchant, listener, "invoice.paid")
    (kept,) = merchant.v1.webhook_endpoints.list().data
    assert "secret" not in kept


def test_what_an_endpoint_refuses_comes_again_in_sandbox_time(
    sandbox: Sandbox, merchant: stripe.StripeClient, listener: Listener
) -> None:
    listen(merchant, listener, "customer.created")
    listener.status = 500
    merchant.v1.customers.create({"name": "Ann"})
    sandbox.settle()
    assert len(listener.got) == 1
    assert merchant.v1.events.list({"delivery_success": False}).data
    listener.status = 200
    sandbox.advance(hours=1)
    assert len(listener.got) == 2
    assert listener.got[0][0] == listener.got[1][0]
    assert types_of(sandbox, "delivered") == ["customer.created"]


def test_a_deaf_endpoint_is_given_up(
    sandbox: Sandbox, merchant: stripe.StripeClient, listener: Listener
) -> None:
    listen(merchant, listener, "customer.created")
    listener.status = 500
    merchant.v1.customers.create({"name": "Ann"})
    sandbox.advance(days=2)
    assert len(listener.got) == 4
    assert types_of(sandbox, "failed") == ["customer.created"]


def test_deliveries_can_be_doubled_and_dropped(
    sandbox: Sandbox, merchant: stripe.StripeClient, listener: Listener
) -> None:
    listen(merchant, listener, "customer.created")
    sandbox.deliver(duplicates=1)
    merchant.v1.customers.create({"name": "Ann"})
    sandbox.settle()
    assert len({body for body, _ in listener.got}) == 1
    assert len(listener.got) == 2
    sandbox.deliver(duplicates=0, drop=1)
    merchant.v1.customers.create({"name": "Bob"})
    sandbox.settle()
    assert len(listener.got) == 2
    assert types_of(sandbox, "dropped") == ["customer.created"]


def test_held_deliveries_are_handed_over_signed(
    sandbox: Sandbox, merchant: stripe.StripeClient, listener: Listener
) -> None:
    secret = listen(merchant, listener, "customer.created")
    sandbox.deliver(mode="hold")
    merchant.v1.customers.create({"name": "Ann"})
    (held,) = sandbox.take_deliveries()
    event = merchant.construct_event(
        held["body"], held["headers"]["Stripe-Signature"], secret
    )
    assert event.type == "customer.created"
    assert not listener.got


def test_nothing_is_delivered_to_other_machines(merchant: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"only to 127\.0\.0\.1"):
        merchant.v1.webhook_endpoints.create(
            {"url": "https://example.com/hook", "enabled_events": ["invoice.paid"]}
        )
