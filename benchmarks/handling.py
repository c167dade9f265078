"""Handling stored events: how fast where no call is needed, and how soon one is seen.

    python -m benchmarks.handling [--rounds 5] [--events 10000]

The first part settles events that concern nothing of ours. The second delivers 200
events a second to a served application, each about a renewal that was refused at a
stand-in for Stripe, and measures until its recovery can be read from the database.
"""

import argparse
import logging
import os
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from flask import Flask
from sqlalchemy import create_engine, insert, select

from app import current
from app.domain.account import EventStatus
from app.domain.errands import hints_of
from app.extensions import db
from app.sandbox import Sandbox, start_sandbox
from app.sandbox.founding import MERCHANT_KEY
from app.services.handling import handle_pending
from app.storage.models import Recovery, StripeEvent
from app.storage.transaction import transaction
from app.stripe_gateway import reopened
from benchmarks.load import Run, a_request, an_event
from benchmarks.served import PATH, a_config, ours, prepare, running
from benchmarks.webhooks import a_free_port

RATE = 200  # events a second
SECONDS = 10


def settled_a_second(app: Flask, events: int) -> float:
    """How many stored events a second are settled without a call."""
    with app.app_context():
        _store(events)
        began = time.perf_counter()
        handled = handle_pending(now=current.now())
        took = time.perf_counter() - began
        assert handled == events
        with transaction() as session:
            session.query(StripeEvent).delete()
    return events / took


def _store(events: int) -> None:
    now = current.now()
    rows = []
    for number in range(events):
        text = an_event(f"evt_{number:07d}")
        told = reopened(text)
        rows.append(
            {
                "stripe_event_id": told.id,
                "account_id": 1,
                "type": told.type,
                "object_id": told.object_id,
                "livemode": False,
                "hints": hints_of(told),
                "payload": text,
                "occurred_at": now,
                "received_at": now,
                "try_at": now,
                "tries": 0,
                "status": EventStatus.PENDING,
            }
        )
    with db.engines["writer"].begin() as connection:
        connection.execute(insert(StripeEvent), rows)


@dataclass(frozen=True, slots=True)
class Renewal:
    """A refused renewal at the stand-in for Stripe, not heard of by the server."""

    invoice: str
    subscription: str
    charge: str


def refused_renewals(sandbox: Sandbox, how_many: int) -> list[Renewal]:
    """Renewals of this minute that were refused."""
    for _ in range(how_many):
        made = sandbox.subscriber()
        sandbox.script(made.customer, default="insufficient_funds")
    sandbox.advance(days=31, hours=2)
    return [
        Renewal(entry["invoice"], entry["subscription"], entry["charge"])
        for entry in sandbox.ledger()
        if not entry["ok"]
    ]


def events_of(renewals: list[Renewal], *, path: str) -> list[tuple[str, bytes]]:
    """Four events for each refusal among twenty, as Stripe would send in a busy hour:
    sixteen others are about customers of whom nothing is wrong."""
    requests = []
    for number, renewal in enumerate(renewals):
        about = {
            "charge.failed": {"id": renewal.charge, "object": "charge"},
            "invoice.payment_failed": {
                "id": renewal.invoice,
                "subscription": renewal.subscription,
                "attempt_count": 1,
            },
            "invoice.updated": {
                "id": renewal.invoice,
                "subscription": renewal.subscription,
                "attempt_count": 1,
            },
            "customer.subscription.updated": {
                "id": renewal.subscription,
                "object": "subscription",
            },
        }
        bodies = {
            f"evt_{number}_{type}": an_event(f"evt_{number}_{n}", type, what)
            for n, (type, what) in enumerate(about.items())
        }
        for n in range(16):
            id = f"evt_{number}_x{n}"
            bodies[id] = an_event(id)
        requests += [
            (id, a_request(body, host="127.0.0.1", path=path))
            for id, body in bodies.items()
        ]
    return requests


def seconds_until_seen() -> list[float]:
    """From the answer to a refusal's event until its recovery is in the database."""
    before = datetime.now(UTC) - timedelta(days=31, hours=2)
    with (
        start_sandbox(now=before.isoformat()) as sandbox,
        tempfile.TemporaryDirectory() as folder,
    ):
        renewals = refused_renewals(sandbox, RATE * SECONDS // 20)
        port = a_free_port()
        command = ours(Path(folder), port, stripe=sandbox.url, api_key=MERCHANT_KEY)
        with running(command, port, PATH):
            return _watch(Path(folder), port, renewals)


def _watch(folder: Path, port: int, renewals: list[Renewal]) -> list[float]:
    run = Run(events_of(renewals, path=PATH), RATE)
    sending = threading.Thread(target=run.go, args=("127.0.0.1", port, 16))
    seen_at: dict[str, float] = {}
    engine = create_engine(f"sqlite:///{folder / 'ours.db'}")
    sending.start()
    give_up_at = time.perf_counter() + SECONDS + 30
    while len(seen_at) < len(renewals) and time.perf_counter() < give_up_at:
        with engine.connect() as connection:
            now = time.perf_counter()
            for invoice in connection.scalars(select(Recovery.stripe_invoice_id)):
                seen_at.setdefault(invoice, now)
        time.sleep(0.02)
    sending.join()
    return [
        seen_at.get(renewal.invoice, give_up_at)
        - run.answered_at[f"evt_{number}_invoice.payment_failed"]
        for number, renewal in enumerate(renewals)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=10_000)
    asked = parser.parse_args()
    logging.disable(logging.INFO)  # the migrations tell of every step
    with tempfile.TemporaryDirectory() as folder:
        app = prepare(a_config(Path(folder), 1))
        rates = [settled_a_second(app, asked.events) for _ in range(asked.rounds)]
    print(f"{os.cpu_count()} cores, {asked.rounds} rounds of {asked.events} events")
    print(f"settled without a call: {median(rates):,.0f} a second")
    waits = sorted(seconds_until_seen())
    print(
        f"a refusal is seen at {RATE} events a second after (s): median "
        f"{median(waits):.2f}, p99 {waits[int(len(waits) * 0.99)]:.2f}, "
        f"longest {waits[-1]:.2f}"
    )


if __name__ == "__main__":
    main()
