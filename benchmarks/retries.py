"""What the retry engine carries, each measure beside a limit on the same machine.

    python -m benchmarks.retries [schedule|finish|tick|charges|webhooks] [--rounds 5]

Rounds of the measure and of its limit alternate; what is printed are medians. Works on
SQLite files of its own, and starts its own servers on free ports.
"""

import argparse
import hashlib
import hmac
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import insert

from app import create_app, current
from app.config import ROOT, Config
from app.domain.account import ConnectionKind, ConnectionStatus
from app.domain.pay_results import Paid
from app.extensions import db
from app.services import recoveries, rescue, retries
from app.services.outcomes import Charged, NotCharged, Outcome
from app.storage.base import Base
from app.storage.claims import claim_due
from app.storage.models import Recovery, StripeAccount, Subscription
from app.storage.planned import put_down
from app.storage.transaction import transaction
from benchmarks.served import Process

# The machine's own: on a clock that can be moved, a server looks at its jobs more than
# ten times as often, and each look is a commit.
NOW = datetime.now(UTC)
FERNET_KEY = "9dFJ8bH4Yh2m1fS1u1QmY3vJkq2m3XG2k0m8n3q6s7o="
SECRET = "whsec_benchmark"
BATCH = 5_000
AT_ONCE = 500  # claims in one transaction of the finishing measure
STRIPE_TAKES = 0.3  # seconds


def attempts(many: int, *, accounts: int, due: datetime) -> Iterator[dict[str, Any]]:
    for n in range(1, many + 1):
        yield {
            "account_id": 1 + n % accounts,
            "recovery_id": n,
            "number": 1,
            "due_at": due - timedelta(seconds=n % 600),
            "idempotency_key": f"metricsco-in_{n}-1",
            "strategy": "even-spread",
            "strategy_version": "1",
            "reason": "There was not enough money on the account. Try 1 of at most 8.",
            "rules": ["at least 20 hours between two tries"],
            "alternatives": [],
            "evidence": {"try": 1, "zone": "America/Chicago"},
            "probability": None,
            "propensity": 1.0,
            "requested_by_id": None,
        }


def subscription_row(n: int, account_id: int) -> dict[str, Any]:
    return {
        "id": n,
        "account_id": account_id,
        "stripe_subscription_id": f"sub_{n}",
        "stripe_customer_id": f"cus_{n}",
        "customer_name": f"Customer {n}",
        "customer_email": f"customer{n}@example.com",
        "status": "past_due",
        "lifecycle": "in_retry",
        "amount": 1500,
        "currency": "usd",
        "created_at": NOW,
        "seen_at": NOW,
        "declines": 1,
        "next_retry_at": NOW,
    }


def recovery_row(n: int, account_id: int) -> dict[str, Any]:
    return {
        "id": n,
        "account_id": account_id,
        "subscription_id": n,
        "stripe_invoice_id": f"in_{n}",
        "stripe_customer_id": f"cus_{n}",
        "amount": 1500,
        "currency": "usd",
        "status": "in_retry",
        "status_reason": "The next retry is planned.",
        "strategy": "even-spread",
        "seed": n,
        "started_at": NOW,
        "deadline_at": NOW + timedelta(days=28),
        "charges": 1,
        "looked_at": NOW,
    }


@contextmanager
def an_app(
    folder: Path, *, many: int, accounts: int = 1, **more: Any
) -> Iterator[Flask]:
    """The application on a database with `many` declined renewals, none planned."""
    file = folder / f"{time.monotonic_ns()}.db"
    config = Config(f"sqlite:///{file}", "not-a-secret", (FERNET_KEY,), **more)
    app = create_app(config)
    with app.app_context():
        Base.metadata.create_all(db.engines["writer"])
        _seed(many, accounts)
        yield app
        app.extensions["reception"].inbox.close()
        for engine in db.engines.values():
            engine.dispose()
    file.unlink()


def _seed(many: int, accounts: int) -> None:
    with transaction() as session:
        for n in range(1, accounts + 1):
            session.add(
                StripeAccount(
                    id=n,
                    stripe_account_id=f"acct_{n}",
                    livemode=False,
                    kind=ConnectionKind.KEY,
                    connection_key=f"key-{n}",
                    sealed_api_key=current.vault().encrypt(f"rk_test_{n}"),
                    sealed_webhook_secret=current.vault().encrypt(SECRET),
                    status=ConnectionStatus.CONNECTED,
                    is_on=True,
                    switched_at=NOW - timedelta(days=1),
                    connected_at=NOW - timedelta(days=1),
                    reconciled_at=NOW,  # or it would ask about all of them at once
                )
            )
    numbers = range(1, many + 1)
    write_rows(Subscription, (subscription_row(n, 1 + n % accounts) for n in numbers))
    write_rows(Recovery, (recovery_row(n, 1 + n % accounts) for n in numbers))


def write_rows(table: type[Base], rows: Iterator[dict[str, Any]]) -> None:
    while batch := list(islice(rows, BATCH)):
        with transaction() as session:
            session.connection().execute(insert(table.__table__), batch)  # type: ignore[arg-type]


def write_planned(rows: Iterator[dict[str, Any]]) -> None:
    """As planning writes what follows a refusal, but thousands in a transaction."""
    while batch := list(islice(rows, BATCH)):
        with transaction() as session:
            put_down(session, batch, now=NOW)


# 100,000 scheduled.


def schedule(folder: Path, rounds: int) -> None:
    """100,000 planned attempts written; the limit: the driver alone, same rows."""
    many = 100_000
    rows = list(attempts(many, accounts=1, due=NOW + timedelta(days=3)))
    ours, limit = [], []
    for _ in range(rounds):
        with an_app(folder, many=many) as app:
            ours.append(_timed(lambda: write_planned(iter(rows))))
            limit.append(_bare_inserts(app, rows))
    _tell("100,000 scheduled, s", ours, "bare sqlite3, same rows", limit)


def _bare_inserts(app: Flask, rows: list[dict[str, Any]]) -> float:
    file = app.config["SQLALCHEMY_DATABASE_URI"].removeprefix("sqlite:///")
    link = sqlite3.connect(file, isolation_level=None)
    link.execute("PRAGMA synchronous=FULL")
    link.execute("DELETE FROM retry_attempt")
    same = {"status": "scheduled", "planned_at": NOW, "asked": 0}
    plain = [{k: _plain(v) for k, v in {**row, **same}.items()} for row in rows]
    names = list(plain[0])
    columns, values = ", ".join(names), ", ".join(f":{name}" for name in names)
    statement = f"INSERT INTO retry_attempt ({columns}) VALUES ({values})"  # noqa: S608

    def write() -> None:
        for start in range(0, len(plain), BATCH):
            link.execute("BEGIN IMMEDIATE")
            link.executemany(statement, plain[start : start + BATCH])
            link.execute("COMMIT")

    took = _timed(write)
    link.close()
    return took


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    return json.dumps(value) if isinstance(value, list | dict) else value


# Claimed and finished.


def finish(folder: Path, rounds: int) -> None:
    """10,000 due attempts claimed and finished, the charge between them left out."""
    many = 10_000
    given: dict[str, Outcome] = {
        "not charged": NotCharged("The invoice had been paid already."),
        "paid": Charged(Paid(1500, "usd"), 1500),
    }
    found: dict[str, list[float]] = {name: [] for name in given}
    limit: list[float] = []
    for _ in range(rounds):
        for name, outcome in given.items():
            with an_app(folder, many=many):
                write_planned(attempts(many, accounts=1, due=NOW))
                found[name].append(many / _timed(partial(_finish_all, outcome)))
        with an_app(folder, many=many) as app:
            write_planned(attempts(many, accounts=1, due=NOW))
            limit.append(many / _bare_finishes(app))
    for name, rates in found.items():
        _tell(f"finished as {name}, a second", rates, "bare sqlite3", limit)


def _finish_all(outcome: Outcome) -> None:
    while True:
        with transaction() as session:
            claims = claim_due(session, account_id=1, now=NOW, limit=AT_ONCE)
        if not claims:
            return
        retries.record_all([(claim, outcome) for claim in claims], now=NOW)


def _bare_finishes(app: Flask) -> float:
    """The same rows claimed and finished by statements alone, as many commits."""
    file = app.config["SQLALCHEMY_DATABASE_URI"].removeprefix("sqlite:///")
    link = sqlite3.connect(file, isolation_level=None)
    link.execute("PRAGMA synchronous=FULL")

    def run() -> None:
        while True:
            link.execute("BEGIN IMMEDIATE")
            claimed = link.execute(
                "UPDATE retry_attempt SET status = 'running', started_at = :now "
                "WHERE id IN (SELECT id FROM retry_attempt WHERE status = 'scheduled' "
                "AND account_id = 1 AND due_at <= :now ORDER BY due_at LIMIT :many) "
                "RETURNING id, recovery_id",
                {"now": _plain(NOW), "many": AT_ONCE},
            ).fetchall()
            link.execute("COMMIT")
            if not claimed:
                return
            link.execute("BEGIN IMMEDIATE")
            link.executemany(
                "UPDATE retry_attempt SET status = 'succeeded', finished_at = ?, "
                "outcome = 'Approved.' WHERE id = ?",
                [(_plain(NOW), id) for id, _ in claimed],
            )
            link.executemany(
                "UPDATE recovery SET status = 'recovered', retries = 1 WHERE id = ?",
                [(recovery_id,) for _, recovery_id in claimed],
            )
            link.executemany(
                "UPDATE subscription SET attempts = 1, next_retry_at = NULL "
                "WHERE id = ?",
                [(recovery_id,) for _, recovery_id in claimed],
            )
            link.execute("COMMIT")

    took = _timed(run)
    link.close()
    return took


# Start-up and tick.


def tick(folder: Path, rounds: int) -> None:
    """A tick with nothing due, and a start, beside so many planned attempts."""
    for many in (1_000, 10_000, 100_000):
        with an_app(folder, many=many) as app:
            later = NOW + timedelta(days=3)
            write_planned(attempts(many, accounts=1, due=later))
            config = app.extensions["metricsco"].config
            start = partial(create_app, config)
            starts = [1000 * _timed(start) for _ in range(rounds)]
            ticks = [1000 * _timed(_tick) for _ in range(rounds * 4)]
        print(
            f"{many:>7,} pending: tick {statistics.median(ticks):.1f} ms, "
            f"start {statistics.median(starts):.0f} ms"
        )


def _tick() -> None:
    retries.run_due(now=NOW)
    rescue.rescue_stuck(now=NOW)
    recoveries.sweep(now=NOW)


# A hundred charges a second.


def charges(folder: Path, _rounds: int) -> None:
    """Due attempts of eight accounts against a Stripe that takes 0.3 s a call."""
    many, accounts = 2_500, 8
    with (
        a_stub() as stub,
        an_app(folder, many=many, accounts=accounts, stripe_api_base=stub),
    ):
        write_planned(attempts(many, accounts=accounts, due=NOW))
        cpu, began = time.process_time(), time.monotonic()
        done = retries.run_due(now=NOW)
        took, cpu = time.monotonic() - began, time.process_time() - cpu
        found = _counts(stub)
    by_second = found["by_second"]
    print("charges in each second:", *by_second)
    print(
        f"{done} charges in {took:.1f} s: median {statistics.median(by_second):.0f} a "
        f"second, least {min(by_second)}; {found['calls']} calls, "
        f"{1000 * cpu / found['calls']:.2f} ms CPU a call; "
        f"{found.get('repeated', 0)} keys used twice"
    )


# Webhooks meanwhile.


def webhooks(folder: Path, _rounds: int) -> None:
    """Deliveries to the real server, first alone, then while 10,000 retries drain."""
    many, accounts = 10_000, 5
    with (
        a_stub() as stub,
        an_app(folder, many=many, accounts=accounts, stripe_api_base=stub) as app,
    ):
        config = app.extensions["metricsco"].config
        _stamp()
        with a_server(config, stub) as server:
            alone = _deliver(server.port, seconds=15, name="alone")
            write_planned(attempts(many, accounts=accounts, due=NOW))
            _until_paid(stub, 200)
            before = _counts(stub)["paid"]
            began = time.monotonic()
            beside = _deliver(server.port, seconds=30, name="beside")
            rate = (_counts(stub)["paid"] - before) / (time.monotonic() - began)
            resident = server.resident_mb()
    print(f"draining at {rate:.0f} charges a second, {resident:.0f} MB resident")
    for name, waits in (("alone", alone), ("while retries drain", beside)):
        ordered = sorted(waits)
        print(
            f"webhooks {name}: {len(ordered)} answered, p50 "
            f"{1000 * statistics.median(ordered):.1f} ms, p99 "
            f"{1000 * ordered[int(len(ordered) * 0.99)]:.1f} ms"
        )


def _deliver(port: int, *, seconds: float, name: str) -> list[float]:
    """Four senders, some 25 events a second each; how long each answer took."""
    waits: list[float] = []
    stop_at = time.monotonic() + seconds

    def send(sender: int) -> None:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        number = 0
        while time.monotonic() < stop_at:
            number += 1
            event = {
                "id": f"evt_{name}_{sender}_{number}",
                "object": "event",
                "type": "invoice.updated",
                "livemode": False,
                "created": 1_790_000_000,
                "data": {
                    "object": {
                        "id": f"in_unknown_{number % 10}",
                        "object": "invoice",
                        "billing_reason": "manual",
                        "padding": "x" * 5_000,
                    }
                },
            }
            body = json.dumps(event)
            header = _signature(body)
            began = time.monotonic()
            link.request(
                "POST", "/webhooks/stripe/key-1", body, {"Stripe-Signature": header}
            )
            answer = link.getresponse()
            answer.read()
            waits.append(time.monotonic() - began)
            if answer.status != 200:
                raise SystemExit(f"a webhook was answered {answer.status}")
            time.sleep(0.03)
        link.close()

    threads = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return waits


def _signature(body: str) -> str:
    at = int(time.time())
    signed = hmac.new(SECRET.encode(), f"{at}.{body}".encode(), hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"


def _until_paid(stub: str, many: int) -> None:
    while _counts(stub).get("paid", 0) < many:
        time.sleep(0.2)


def _stamp() -> None:
    """Say that migrations made these tables, or the server would not start."""
    with transaction() as session:
        link = session.connection()
        link.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        versions = sorted((ROOT / "migrations" / "versions").glob("*.py"))
        head = versions[-1].name.split("_")[0]
        link.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (head,))


@contextmanager
def a_server(config: Config, stub: str) -> Iterator[Process]:
    """`python wsgi.py` on a free port."""
    port = _free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": config.database_url,
        "SECRET_KEY": config.secret_key,
        "ENCRYPTION_KEYS": FERNET_KEY,
        "STRIPE_API_BASE": stub,
        "STRIPE_CONNECT_BASE": stub,
        "PORT": str(port),
    }
    process = subprocess.Popen(
        [sys.executable, "wsgi.py"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_up(port)
        yield Process(process.pid, port, "/webhooks/stripe/key-1")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def a_stub() -> AbstractContextManager[str]:
    """A Stripe that takes its time; its address."""
    return a_stand_in("benchmarks.stub_stripe", STRIPE_TAKES)


@contextmanager
def a_stand_in(module: str, *numbers: float) -> Iterator[str]:
    """The module with these arguments, in a process of its own; its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, numbers)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def _counts(stub: str) -> dict[str, Any]:
    link = http.client.HTTPConnection(stub.removeprefix("http://"), timeout=30)
    link.request("GET", "/counts")
    found: dict[str, Any] = json.loads(link.getresponse().read())
    link.close()
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _until_up(port: int) -> None:
    for _ in range(200):
        try:
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            link.request("GET", "/healthz")
            if link.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not come up")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _tell(what: str, ours: list[float], against: str, limit: list[float]) -> None:
    mine, bare = statistics.median(ours), statistics.median(limit)
    print(f"{what}: {mine:,.2f}; {against}: {bare:,.2f}; ratio {mine / bare:.2f}")


MEASURES = {f.__name__: f for f in (schedule, finish, tick, charges, webhooks)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measure", nargs="*", choices=[[], *MEASURES])
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="metricsco-bench-"))
    try:
        for name in asked.measure or MEASURES:
            MEASURES[name](folder, asked.rounds)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
