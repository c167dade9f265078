"""Signed deliveries to an endpoint, as the stripe library verifies them."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from app.sandbox import Sandbox, start_sandbox
from app.sandbox.clock import parse_time
from tests.sandbox.clients import MERCHANT_SECRET_KEY, client_for


@dataclass
class Listener:
    """An endpoint on this machine that keeps what it is sent."""

    url: str = ""
    status: int = 200
    got: list[tuple[bytes, str]] = field(default_factory=list)
    look_at: Path | None = None
    saw: list[str] = field(default_factory=list)


@pytest.fixture
def listener() -> Iterator[Listener]:
    heard = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.got.append((body, self.headers["Stripe-Signature"]))
            if heard.look_at:
                heard.saw.append(heard.look_at.read_text())
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


def test_deliveries_can_be_shuffled_and_late(
    sandbox: Sandbox, merchant: stripe.StripeClient, listener: Listener
) -> None:
    listen(merchant, listener, "customer.created")
    sandbox.deliver(shuffle=True, delay=(600, 600))
    for number in range(12):
        merchant.v1.customers.create({"name": f"{number:02d}"})
    sandbox.settle()
    assert not listener.got
    sandbox.advance(seconds=600)
    names = [json.loads(body)["data"]["object"]["name"] for body, _ in listener.got]
    assert sorted(names) == [f"{number:02d}" for number in range(12)]
    assert names != sorted(names)


def test_several_workers_deliver_everything_once(
    sandbox: Sandbox, merchant: stripe.StripeClient, listener: Listener
) -> None:
    listen(merchant, listener, "customer.created")
    sandbox.deliver(workers=4)
    for number in range(30):
        merchant.v1.customers.create({"name": str(number)})
    sandbox.settle()
    ids = [json.loads(body)["id"] for body, _ in listener.got]
    assert len(ids) == len(set(ids)) == 30


def test_only_wanted_types_arrive_and_none_after_deletion(
    sandbox: Sandbox, merchant: stripe.StripeClient, listener: Listener
) -> None:
    listen(merchant, listener, "invoice.paid")
    sandbox.subscriber()
    sandbox.settle()
    assert [json.loads(body)["type"] for body, _ in listener.got] == ["invoice.paid"]
    (endpoint,) = merchant.v1.webhook_endpoints.list().data
    merchant.v1.webhook_endpoints.delete(endpoint.id)
    sandbox.subscriber()
    sandbox.settle()
    assert len(listener.got) == 1


def test_a_disabled_endpoint_gets_nothing(
    sandbox: Sandbox, merchant: stripe.StripeClient, listener: Listener
) -> None:
    listen(merchant, listener, "customer.created")
    (endpoint,) = merchant.v1.webhook_endpoints.list().data
    merchant.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    merchant.v1.customers.create({"name": "Ann"})
    sandbox.settle()
    assert not listener.got


def test_the_clock_file_is_never_older_than_the_event_heard_of(
    tmp_path: Path, session: requests.Session, listener: Listener
) -> None:
    clock = tmp_path / "clock"
    listener.look_at = clock
    with start_sandbox(now="2026-11-01T09:00:00Z", clock_file=clock) as sandbox:
        merchant = client_for(sandbox, MERCHANT_SECRET_KEY, session=session)
        listen(merchant, listener, "invoice.paid")
        sandbox.subscriber()
        sandbox.advance(days=62)
    made = [json.loads(body)["created"] for body, _ in listener.got]
    seen = [parse_time(text) for text in listener.saw]
    assert len(made) == 3
    assert made == seen
