"""A real server in a process of its own, and senders that deliver to it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

from app.config import Config
from tests.stripe_events import SECRET, an_event, signature

ROOT = Path(__file__).resolve().parent.parent
PORTS = range(10_000, 32_000)
# Each process begins elsewhere, and takes no port again soon.
_ports = islice(cycle(PORTS), os.getpid() * 131 % len(PORTS), None)


def environment(config: Config, **more: str) -> dict[str, str]:
    """What a process needs in its environment to run with `config`."""
    return {
        **os.environ,
        "DATABASE_URL": config.database_url,
        "SECRET_KEY": config.secret_key,
        "ENCRYPTION_KEYS": ",".join(config.encryption_keys),
        "STRIPE_API_BASE": config.stripe_api_base,
        "HOST": config.host,
        "PORT": str(config.port),
        **more,
    }


def flask(config: Config, *command: str) -> subprocess.CompletedProcess[str]:
    """Run `flask --app app ...` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", *command],
        cwd=ROOT,
        env=environment(config),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def a_free_port() -> int:
    """For a server that will listen in a moment.

    Lower than those that systems hand out to whoever asks for any: a sandbox of another
    process could get one of them before the server listens.
    """
    while True:
        port = next(_ports)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def a_server(config: Config, **more: str) -> Iterator[subprocess.Popen[str]]:
    """`python wsgi.py`, from the moment it may be expected to answer soon."""
    process = subprocess.Popen(
        [sys.executable, "wsgi.py"],
        cwd=ROOT,
        env=environment(config, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def answers(config: Config, path: str = "/healthz", *, within: float = 20.0) -> bool:
    """Whether the server comes up; with "/readyz", until it is able to work."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        with suppress(OSError):
            connection = http.client.HTTPConnection(config.host, config.port, timeout=5)
            connection.request("GET", path)
            is_up = connection.getresponse().status == 200
            connection.close()
            if is_up:
                return True
        time.sleep(0.05)
    return False


@dataclass
class Senders:
    """Threads that deliver events as fast as they are answered, until they cannot."""

    config: Config
    address: str
    how_many: int = 16
    answered: list[str] = field(default_factory=list)  # ids of what got a 2xx
    refused: list[int] = field(default_factory=list)  # other answers
    stopping: bool = False

    def __enter__(self) -> "Senders":
        self._threads = [
            threading.Thread(target=self._send, args=(n,)) for n in range(self.how_many)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping = True
        for thread in self._threads:
            thread.join(30)

    def _send(self, number: int) -> None:
        connection = http.client.HTTPConnection(
            self.config.host, self.config.port, timeout=20
        )
        with suppress(OSError, http.client.HTTPException):
            for n in range(1_000_000):
                if self.stopping:
                    break
                self._deliver(connection, f"evt_{number}_{n}")
        connection.close()

    def _deliver(self, connection: http.client.HTTPConnection, id: str) -> None:
        about = {
            "id": f"in_{id}",
            "billing_reason": "manual",  # of no subscription: nothing to look at
            "padding": "x" * 5_000,
        }
        event = an_event("invoice.paid", id=id, object=about)
        body = json.dumps(event)
        header = signature(body, SECRET, at=datetime.now(UTC))
        connection.request("POST", self.address, body, {"Stripe-Signature": header})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            self.answered.append(id)
        else:
            self.refused.append(answer.status)


def end(
    process: subprocess.Popen[str], number: int = signal.SIGTERM
) -> tuple[int, str]:
    """Signal the server; its exit code, and what it said."""
    process.send_signal(number)
    said, _ = process.communicate(timeout=40)
    return process.returncode, said
