"""One shared client: connections are kept and shared, and no call waits for ever."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.stripe_gateway import (
    Credentials,
    StripeGateway,
    StripeUnavailable,
    new_http_client,
)
from tests.gateway.conftest import KEY, recorded

SILENCE = 10.0  # seconds; a call gives up long before
ACCOUNT = json.dumps(recorded("account")).encode()


class Stub(ThreadingHTTPServer):
    """Answers every call with an account, and counts who connected."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.connections: set[tuple[str, int]] = set()
        self.paths: list[str] = []
        self.cookies: list[str] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: a caller that hangs up is part of a test."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Stub

    def do_GET(self) -> None:
        self.server.connections.add(self.client_address)
        self.server.paths.append(self.path)
        self.server.cookies += self.headers.get_all("Cookie") or []
        self.server.may_answer.wait(SILENCE)
        redirected = self.path.startswith("/v1/customers/")
        self.send_response(302 if redirected else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Set-Cookie", "who=another-account")
        self.send_header("Content-Length", str(len(ACCOUNT)))
        self.end_headers()
        self.wfile.write(ACCOUNT)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub()
    serving = threading.Thread(target=server.serve_forever, args=(0.02,))
    serving.start()
    yield server
    server.may_answer.set()
    server.shutdown()
    serving.join()
    server.server_close()


def test_threads_and_accounts_share_the_connections_that_are_kept(stub: Stub) -> None:
    http_client = new_http_client()
    gateways = [
        StripeGateway(
            Credentials(KEY, name), api_base=stub.url, http_client=http_client
        )
        for name in ("acct_1", "acct_2")
    ]

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(gateways[n % 2].account) for n in range(80)]
        assert {future.result().id for future in asked} == {"acct_1Lantern"}

    assert len(stub.connections) <= 8


def test_a_thread_that_comes_later_uses_a_connection_that_is_there(stub: Stub) -> None:
    gateway = StripeGateway(Credentials(KEY), api_base=stub.url)
    for _ in range(5):
        asking = threading.Thread(target=gateway.account)
        asking.start()
        asking.join()

    assert len(stub.connections) == 1


def test_one_accounts_cookies_never_reach_another_call(stub: Stub) -> None:
    gateway = StripeGateway(Credentials(KEY), api_base=stub.url)

    gateway.account()
    gateway.account()

    assert stub.cookies == []


def test_a_key_never_follows_a_redirect(stub: Stub) -> None:
    gateway = StripeGateway(Credentials(KEY), api_base=stub.url)

    with pytest.raises(StripeUnavailable):
        gateway.customer("cus_1")

    assert stub.paths == ["/v1/customers/cus_1"]


def test_silence_ends_a_call(stub: Stub) -> None:
    stub.may_answer.clear()
    gateway = StripeGateway(Credentials(KEY), api_base=stub.url, timeout=(1.0, 0.1))

    began = time.monotonic()
    with pytest.raises(StripeUnavailable):
        gateway.pay("in_1", idempotency_key="k")

    assert time.monotonic() - began < SILENCE
    assert stub.paths == ["/v1/invoices/in_1/pay"]
