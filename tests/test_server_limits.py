"""What the server itself refuses, and that a crowd of slow clients stops nobody."""

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copy

import pytest
import requests

from app.config import Config
from tests.conftest import FERNET_KEY
from tests.servers import a_free_port, a_server, answers, flask

pytestmark = [pytest.mark.slow, pytest.mark.sqlite]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """A server in a process of its own, behind one proxy by its settings."""
    folder = tmp_path_factory.mktemp("served")
    config = Config(f"sqlite:///{folder / 'test.db'}", "not-a-secret", (FERNET_KEY,))
    config = replace(config, port=a_free_port(), stripe_api_base="http://127.0.0.1:9")
    assert flask(config, "db", "upgrade").returncode == 0
    copy(folder / "test.db", Path(folder) / "empty.db")
    with a_server(config, TRUSTED_PROXIES="1"):
        assert answers(config, "/readyz")
        yield config


def _said(config: Config, request: bytes) -> bytes:
    """The first line of the answer to these bytes."""
    with socket.create_connection((config.host, config.port), timeout=10) as line:
        line.sendall(request)
        return line.makefile("rb").readline()


def test_headers_without_end_are_refused(served: Config) -> None:
    wide = b"GET /login HTTP/1.1\r\nHost: x\r\nCookie: " + b"x" * 40_000 + b"\r\n\r\n"
    assert b" 431 " in _said(served, wide)
    fits = b"GET /login HTTP/1.1\r\nHost: x\r\nCookie: a=" + b"x" * 20_000
    assert b" 200 " in _said(served, fits + b"\r\nConnection: close\r\n\r\n")


def test_a_body_without_end_is_refused_before_it_is_read(served: Config) -> None:
    head = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n\r\n"
    assert b" 413 " in _said(served, head)


@pytest.mark.parametrize("path", ["/login", "/webhooks/stripe"])
def test_a_crowd_of_slow_clients_stops_nobody(served: Config, path: str) -> None:
    crowd = []
    try:
        for n in range(200):
            line = socket.create_connection((served.host, served.port), timeout=10)
            line.sendall(
                f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n"
                f"Stripe-Signature: t={n},v1=x\r\n\r\nhalf".encode()
            )
            crowd.append(line)
        began = time.monotonic()
        for _ in range(5):
            url = f"http://{served.host}:{served.port}/readyz"
            answer = requests.get(url, timeout=5)
            assert answer.status_code == 200, answer.text
        assert time.monotonic() - began < 5
    finally:
        for line in crowd:
            line.close()
