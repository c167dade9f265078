"""Delivers webhooks at a steady pace for as long as it takes; a line of JSON a window.

A delivery's time counts from when it was due, not from when a connection was free: a
server that stalls cannot hide it by slowing the sender down.
"""

import argparse
import json
import random
import selectors
import socket
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from benchmarks.load import Sender, a_request, an_event

CONNECTIONS = 24
OF_OURS = 0.2  # of the deliveries concern invoices that are being recovered
REPEATED = 0.02  # are delivered a second time
TYPES = ("invoice.payment_failed", "invoice.updated", "invoice.paid")
NAME, ABOUT, TYPE = "evt_placeholder", "in_placeholder", "invoice.placeholder"


@dataclass(slots=True)
class Window:
    """What was answered in one span of time."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def told(self) -> dict[str, Any]:
        ordered = sorted(self.seconds) or [0.0]
        return {
            "answers": len(self.seconds),
            "statuses": dict(self.statuses),
            "p50_ms": ordered[len(ordered) // 2] * 1000,
            "p99_ms": ordered[int(len(ordered) * 0.99)] * 1000,
            "longest_ms": ordered[-1] * 1000,
        }


class Load:
    """The deliveries of one run: drawn from a seed, signed as they leave."""

    def __init__(self, *, path: str, invoices: int, rate: float, seed: int) -> None:
        self.random = random.Random(seed)
        self.path, self.invoices, self.rate = path, invoices, rate
        self.template = an_event(NAME, TYPE, {"id": ABOUT})
        self.number = 0
        self.repeats: list[str] = []
        self.began = time.time()

    def next(self) -> bytes:
        """The next delivery, ready to be sent."""
        if self.repeats and self.random.random() < REPEATED:
            return self._signed(self.random.choice(self.repeats))
        self.number += 1
        about = f"in_nobody{self.number}"
        if self.random.random() < OF_OURS:
            # About as far as the retries have come: some of them long over.
            done = min(self.invoices, 1 + int((time.time() - self.began) * 20))
            about = f"in_{self.random.randint(1, done)}"
        body = (
            self.template.replace(NAME, f"evt_soak{self.number}")
            .replace(ABOUT, about)
            .replace(TYPE, self.random.choice(TYPES))
        )
        if len(self.repeats) < 1_000:
            self.repeats.append(body)
        return self._signed(body)

    def _signed(self, body: str) -> bytes:
        return a_request(body, host="127.0.0.1", path=self.path)


def run(load: Load, *, port: int, seconds: float, window: float) -> None:
    """Deliver for so long; tell of each window as it ends."""
    watch = selectors.DefaultSelector()
    # In turns: one left alone for two minutes the server would close.
    idle: deque[Sender] = deque()
    for _ in range(CONNECTIONS):
        connected = socket.create_connection(("127.0.0.1", port))
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sender = Sender(connected)
        watch.register(connected, selectors.EVENT_READ, sender)
        idle.append(sender)
    began = time.perf_counter()
    current, windows, sent = Window(), 0, 0
    total = int(seconds * load.rate)
    while sent < total or len(idle) < CONNECTIONS:
        now = time.perf_counter()
        while idle and sent < total and began + sent / load.rate <= now:
            sender = idle.popleft()
            sender.received = b""
            sender.sent_at = began + sent / load.rate
            sender.socket.sendall(load.next())
            sent += 1
        for key, _ in watch.select(timeout=0.005):
            if _receive(key.data, current):
                idle.append(key.data)
        if time.perf_counter() - began > (windows + 1) * window:
            windows += 1
            print(json.dumps({"at": windows * window, **current.told()}), flush=True)
            current = Window()
    if current.seconds:
        print(json.dumps({"at": seconds, **current.told()}), flush=True)
    print(json.dumps({"sent": sent, "events": load.number}), flush=True)


def _receive(sender: Sender, window: Window) -> bool:
    status = sender.receive()
    if status is None:
        return False
    window.seconds.append(time.perf_counter() - sender.sent_at)
    window.statuses[status] += 1
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--window", type=float, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--invoices", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    load = Load(
        path=asked.path, invoices=asked.invoices, rate=asked.rate, seed=asked.seed
    )
    run(load, port=asked.port, seconds=asked.seconds, window=asked.window)


if __name__ == "__main__":
    main()
