"""Floods of connections that never finish: retries go on, Stripe is still heard."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import current
from app.config import Config
from app.storage.models import StripeAccount
from app.storage.transaction import transaction
from tests.merchants import Merchant, a_merchant
from tests.servers import a_free_port, a_server, answers
from tests.stripe_events import SECRET, an_event, signature

pytestmark = [pytest.mark.slow, pytest.mark.sqlite]
HEALTHY = 20  # deliveries that have to be answered meanwhile
# The longest that Stripe is known to wait; nothing is lost by it, but it sends again.
IN_TIME = 10.0


@pytest.mark.parametrize("many", [200, 700])
def test_half_open_connections_stop_neither_retries_nor_webhooks(
    config: Config, tmp_path: Path, many: int
) -> None:
    port = a_free_port()
    with a_merchant(config, tmp_path) as merchant:
        invoice = merchant.declined_renewal("insufficient_funds", default="approve")
        address = _listening(merchant)
        served = replace(config, port=port, stripe_api_base=merchant.sandbox.url)
        clock = {"CLOCK_FILE": str(tmp_path / "clock")}
        with a_server(served, **clock), _flood(port, address, many=many):
            assert answers(served)
            _retry_falls_due(merchant, invoice)
            assert max(_delivered(port, address)) < IN_TIME
            assert _page_of(port) == 200
            assert _charged(merchant, invoice)


def _listening(merchant: Merchant) -> str:
    with transaction() as session:
        account = session.get_one(StripeAccount, merchant.account_id)
        account.sealed_webhook_secret = current.vault().encrypt(SECRET)
        return f"/webhooks/stripe/{account.connection_key}"


def _retry_falls_due(merchant: Merchant, invoice: str) -> None:
    attempt = merchant.planned(invoice)
    assert attempt is not None
    due = attempt.due_at + timedelta(minutes=1)
    merchant.sandbox.advance(to=due.isoformat())


def _charged(merchant: Merchant, invoice: str) -> bool:
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at:
        if [entry["ok"] for entry in merchant.charges(invoice)] == [False, True]:
            return True
        time.sleep(0.1)
    return False


def _delivered(port: int, address: str) -> list[float]:
    """How long each healthy delivery took; each is answered 200."""
    took = []
    for number in range(HEALTHY):
        body = json.dumps(an_event("invoice.paid", id=f"evt_healthy_{number}"))
        header = signature(body, SECRET, at=datetime.now(UTC))
        began = time.monotonic()
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        link.request("POST", address, body, {"Stripe-Signature": header})
        assert link.getresponse().status == 200
        link.close()
        took.append(time.monotonic() - began)
    return took


def _page_of(port: int) -> int:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    link.request("GET", "/login")
    status = link.getresponse().status
    link.close()
    return status


@contextmanager
def _flood(port: int, address: str, *, many: int) -> Iterator[None]:
    """So many connections that send a byte now and then and never a whole request;
    whatever is closed is opened again."""
    stop = threading.Event()
    thread = threading.Thread(target=_keep_up, args=(port, address, many, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _keep_up(port: int, address: str, many: int, stop: threading.Event) -> None:
    beginnings = (
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Le",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\nemail=",
        f"POST {address} HTTP/1.1\r\nHost: x\r\n".encode()
        + b"Content-Length: 90000\r\n\r\n{",
    )
    held: list[socket.socket] = []
    while not stop.is_set():
        while len(held) < many and not stop.is_set():
            try:
                opened = socket.create_connection(("127.0.0.1", port), timeout=1)
                opened.sendall(beginnings[len(held) % len(beginnings)])
                held.append(opened)
            except OSError:
                stop.wait(0.2)
                break
        for connection in list(held):
            try:
                connection.sendall(b"x")
            except OSError:
                connection.close()
                held.remove(connection)
        stop.wait(0.5)
    for connection in held:
        with suppress(OSError):
            connection.close()
