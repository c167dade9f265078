"""Delivers signed events from a process of its own, over kept-alive connections.

Prints one line of JSON: how many were answered how, and how fast.
"""

import argparse
import json
import selectors
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from stripe import WebhookSignature

SECRET = "whsec_benchmark"
BYTES = 5_600  # of one event, as Stripe's invoice events are


def an_event(
    id: str, type: str = "invoice.paid", about: dict[str, Any] | None = None
) -> str:
    """An event of 5.6 kB; without `about`, of an invoice that is none of ours."""
    lines: list[dict[str, Any]] = []
    event = {
        "id": id,
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "livemode": False,
        "type": type,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "data": {
            "object": {
                "id": f"in_{id}",
                "object": "invoice",
                "billing_reason": "manual",
                "lines": lines,
                **(about or {}),
            }
        },
    }
    while len(text := json.dumps(event)) < BYTES - 160:
        lines.append({"amount": 1900, "currency": "eur", "description": "x" * 80})
    event["padding"] = "x" * (BYTES - len(text) - 15)
    return json.dumps(event)


def a_request(body: str, *, host: str, path: str) -> bytes:
    """The delivery of an event, as bytes."""
    signature = WebhookSignature.generate_signature_header(body, SECRET)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Stripe-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


@dataclass(slots=True)
class Sender:
    """One connection, with at most one delivery under way."""

    socket: socket.socket
    id: str = ""
    sent_at: float = 0.0
    received: bytes = b""

    def receive(self) -> int | None:
        """Take what has come; the answer's status once it has come whole."""
        chunk = self.socket.recv(65536)
        if not chunk:
            raise ConnectionError("the server hung up")
        self.received += chunk
        return self._status()

    def _status(self) -> int | None:
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return None
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line[15:])
        return int(head[9:12]) if len(body) >= length else None


@dataclass(slots=True)
class Run:
    """Deliver everything: as fast as it is answered, or `rate` events a second."""

    requests: list[tuple[str, bytes]]
    rate: float | None
    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    answered_at: dict[str, float] = field(default_factory=dict)  # of those with a 2xx

    def go(self, host: str, port: int, senders: int) -> float:
        """The seconds it took."""
        watch = selectors.DefaultSelector()
        idle = []
        for _ in range(senders):
            connected = socket.create_connection((host, port))
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sender = Sender(connected)
            watch.register(connected, selectors.EVENT_READ, sender)
            idle.append(sender)
        total, sent, done = len(self.requests), 0, 0
        began = time.perf_counter()
        while done < total:
            allowed = total
            if self.rate is not None:
                allowed = int((time.perf_counter() - began) * self.rate) + 1
            while idle and sent < min(allowed, total):
                self._send(idle.pop(), sent)
                sent += 1
            for key, _ in watch.select(timeout=0.002 if self.rate else 10):
                if self._receive(key.data):
                    idle.append(key.data)
                    done += 1
        return time.perf_counter() - began

    def _send(self, sender: Sender, number: int) -> None:
        sender.id, request = self.requests[number]
        sender.received = b""
        sender.sent_at = time.perf_counter()
        sender.socket.sendall(request)

    def _receive(self, sender: Sender) -> bool:
        status = sender.receive()
        if status is None:
            return False
        now = time.perf_counter()
        self.seconds.append(now - sender.sent_at)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status < 300:
            self.answered_at[sender.id] = now
        return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--events", type=int, default=3000)
    parser.add_argument("--senders", type=int, default=16)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--prefix", default="a")
    asked = parser.parse_args()
    ids = [f"evt_{asked.prefix}{n:06d}" for n in range(asked.events)]
    run = Run(
        [
            (id, a_request(an_event(id), host="127.0.0.1", path=asked.path))
            for id in ids
        ],
        asked.rate,
    )
    took = run.go("127.0.0.1", asked.port, asked.senders)
    ordered = sorted(run.seconds)
    print(
        json.dumps(
            {
                "statuses": run.statuses,
                "seconds": took,
                "a_second": asked.events / took,
                "p50_ms": ordered[len(ordered) // 2] * 1000,
                "p99_ms": ordered[int(len(ordered) * 0.99)] * 1000,
            }
        )
    )


if __name__ == "__main__":
    main()
