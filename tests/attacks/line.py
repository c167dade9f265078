"""The line to Stripe, and everything that can go wrong on it or at its far end.

A proxy before the sandbox that breaks the calls it is told to, until it is healed.
"""

import http.client
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

CLIENT_WAITS = 0.4  # seconds; what the attacked application's client allows
RATE_LIMITS = (
    "global-rate",
    "endpoint-rate",
    "global-concurrency",
    "endpoint-concurrency",
    "resource-specific",
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back to the caller."""

    status: int
    body: bytes
    headers: dict[str, str]


Forward = Callable[[], Reply]


Act = Callable[[Forward], Reply]


class Cut(Exception):
    """The connection ends here, without an answer."""


class TooLate(Exception):
    """The answer comes when nobody waits any more."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to go wrong. `act` may ask Stripe (or not), and answers (or not)."""

    name: str
    act: Act
    cuts_off: bool = False  # from the first hit on nobody can connect
    skew: float = 0.0  # seconds by which our clock is ahead of Stripe's


def said(status: int, error: dict[str, Any], **headers: str) -> Act:
    """Stripe answers so, and has done nothing."""
    body = json.dumps({"error": error}).encode()
    told = {"Content-Type": "application/json", **headers}
    return lambda _forward: Reply(status, body, told)


def _limited(reason: str) -> Fault:
    error = {
        "type": "invalid_request_error",
        "code": "rate_limit",
        "message": "Too many requests hit the API too quickly.",
    }
    header = {"Stripe-Rate-Limited-Reason": reason}
    return Fault(f"429 {reason}", said(429, error, **header))


def _page(status: int) -> Act:
    body = b"<html><body><h1>Bad Gateway</h1></body></html>"
    return lambda _forward: Reply(status, body, {"Content-Type": "text/html"})


def _cut_before(_forward: Forward) -> Reply:
    raise Cut


def _cut_after(forward: Forward) -> Reply:
    forward()
    raise Cut


def _late_after(forward: Forward) -> Reply:
    forward()
    raise TooLate


def _late_before(_forward: Forward) -> Reply:
    raise TooLate


def _slow(forward: Forward) -> Reply:
    time.sleep(CLIENT_WAITS / 4)
    return forward()


def _truncated(forward: Forward) -> Reply:
    reply = forward()
    length = {"Content-Length": str(len(reply.body))}
    half = reply.body[: len(reply.body) // 2]
    return Reply(reply.status, half, {**reply.headers, **length})


def _garbled(forward: Forward) -> Reply:
    reply = forward()
    half = reply.body[: len(reply.body) // 2]
    return Reply(reply.status, half, {"Content-Type": "application/json"})


def _instead(body: bytes) -> Act:
    def act(forward: Forward) -> Reply:
        forward()
        return Reply(200, body, {"Content-Type": "application/json"})

    return act


def _server_error_after(forward: Forward) -> Reply:
    forward()
    body = json.dumps({"error": {"type": "api_error", "message": "Sorry."}})
    return Reply(500, body.encode(), {"Content-Type": "application/json"})


def _replayed(forward: Forward) -> Reply:
    reply = forward()
    headers = {**reply.headers, "Idempotent-Replayed": "true"}
    return Reply(reply.status, reply.body, headers)


KEY = {"type": "invalid_request_error"}
FAULTS = (
    *map(_limited, RATE_LIMITS),
    Fault(
        "429 lock timeout",
        said(429, {**KEY, "code": "lock_timeout", "message": "Locked."}),
    ),
    Fault("500", said(500, {"type": "api_error", "message": "Sorry."})),
    Fault("500 after it was done", _server_error_after),
    Fault("502 page", _page(502)),
    Fault("503", said(503, {"type": "api_error", "message": "Down."})),
    Fault(
        "409 in flight",
        said(409, {"type": "idempotency_error", "code": "idempotency_key_in_use"}),
    ),
    Fault("refused", _cut_before, cuts_off=True),
    Fault("reset before", _cut_before),
    Fault("reset after", _cut_after),
    Fault("timeout before", _late_before),
    Fault("timeout after", _late_after),
    Fault("slow", _slow),
    Fault("truncated", _truncated),
    Fault("cut JSON", _garbled),
    Fault("no JSON", _instead(b"<html>hello</html>")),
    Fault("a list instead", _instead(b"[]")),
    Fault("an object of nothing", _instead(b"{}")),
    Fault("replayed", _replayed),
    Fault(
        "401 expired",
        said(401, {**KEY, "code": "api_key_expired", "message": "Expired API Key."}),
    ),
    Fault("401 revoked", said(401, {**KEY, "message": "Invalid API Key provided."})),
    Fault(
        "403",
        said(
            403,
            {
                **KEY,
                "message": "The provided key does not have the required permissions "
                "for this endpoint. Having the 'rak_x_read' permission would allow "
                "this request to continue.",
            },
        ),
    ),
    Fault("clock ahead", lambda forward: forward(), skew=600),
    Fault("clock behind", lambda forward: forward(), skew=-600),
)


@dataclass(frozen=True, slots=True)
class Where:
    """The calls that are broken; `asks` has to be in the query or the body."""

    method: str
    path: str
    asks: str = ""

    def fits(self, method: str, path: str, asked: str) -> bool:
        return (
            method == self.method
            and fnmatchcase(path, self.path)
            and self.asks in asked
        )


class Line:
    """Carries calls to the sandbox, and breaks those it is told to."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 80)
        self._fault: Fault | None = None
        self._where = Where("", "")
        self._healed = threading.Event()
        self.hits = 0
        self._port = 0
        self._listener: socket.socket | None = None
        self._listen()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def break_(self, where: Where, fault: Fault) -> None:
        """From now on these calls go wrong."""
        self.hits = 0
        self._healed.clear()
        self._where, self._fault = where, fault

    def heal(self) -> None:
        """All is well again."""
        self._fault = None
        self._healed.set()
        if self._listener is None:
            self._listen()

    def close(self) -> None:
        self._healed.set()
        self._hang_up()

    def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        listener.listen(128)
        self._port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _hang_up(self) -> None:
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, address = listener.accept()
                threading.Thread(
                    target=self._serve, args=(connection, address), daemon=True
                ).start()

    def _serve(self, connection: socket.socket, address: Any) -> None:
        with suppress(OSError, ValueError):
            _handler_of(self)(connection, address, None)  # type: ignore[arg-type]
        with suppress(OSError):
            connection.close()

    def reply(self, handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
        """Stripe's answer, or what the fault makes of it."""
        parts = urlsplit(handler.path)
        fault = self._fault
        asked = f"{parts.query}&{body.decode(errors='replace')}"
        if fault is None or not self._where.fits(handler.command, parts.path, asked):
            return self._forward(handler, body)
        self.hits += 1
        if fault.cuts_off:
            self._hang_up()
        try:
            return fault.act(lambda: self._forward(handler, body))
        except TooLate:
            self._healed.wait(10 * CLIENT_WAITS)
            raise Cut from None

    def _forward(self, handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
        link = http.client.HTTPConnection(*self._target, timeout=30)
        try:
            link.request(handler.command, handler.path, body, dict(handler.headers))
            answer = link.getresponse()
            read = answer.read()
        except (OSError, http.client.HTTPException):
            raise Cut from None
        finally:
            link.close()
        kept = {n: v for n, v in answer.getheaders() if n.lower() != "content-length"}
        return Reply(answer.status, read, kept)


def _handler_of(line: Line) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_DELETE(self) -> None:
            self._serve()

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else b""
            try:
                reply = line.reply(self, body)
            except Cut:
                self.close_connection = True
                _reset(self.connection)
                return
            self.send_response(reply.status)
            headers = {"Content-Length": str(len(reply.body)), **reply.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)
            self.wfile.flush()
            if int(headers["Content-Length"]) != len(reply.body):
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


def _reset(connection: socket.socket) -> None:
    """End the connection by RST: what was on its way is void."""
    linger = struct.pack("ii", 1, 0)
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        os.close(connection.detach())
