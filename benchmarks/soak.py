"""An hour of ordinary work, or as long as asked: does anything grow, fail or tire?

    make soak                        # SECONDS=3600
    python -m benchmarks.soak --seconds 600 --window 60

Serves the application (`python wsgi.py`, SQLite, the machine's own clock) and gives it
50 webhooks and 20 due retries a second, and a person who turns a page each second.
Stripe is `soak_stripe.py`: 50 ms a call, half of the invoices are declined. Prints a
line for each window, then a verdict; the exit code is 1 unless nothing failed, nothing
was lost or doubled, and memory stayed level.
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import create_engine, text

from app import current
from app.config import ROOT
from app.domain.people import Role
from app.extensions import db
from app.services import people
from app.storage.models import Recovery, StripeAccount, Subscription
from app.storage.transaction import transaction
from benchmarks.retries import (
    a_stand_in,
    attempts,
    recovery_row,
    subscription_row,
    write_planned,
    write_rows,
)
from benchmarks.served import PATH, Process, a_config, prepare
from benchmarks.webhooks import a_free_port

ACCOUNTS = 4
STRIPE_TAKES, SHARE_DECLINED = 0.05, 0.5
OWNER, PASSWORD = "owner@example.com", "a long and silent password"
PAGES = ("/", "/subscriptions", "/declines", "/recoveries/1", "/audit", "/readyz")
# Resident memory of the last third beside the first third (both without the first
# five minutes, in which caches fill).
MAY_GROW = 1.05
WARM_UP = 300.0
DRAINED_WITHIN = 60.0  # seconds after the load


@dataclass
class Seen:
    """What was watched while the load ran."""

    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds, MB
    cpu: list[tuple[float, float]] = field(default_factory=list)
    windows: list[dict[str, Any]] = field(default_factory=list)
    pages: list[tuple[float, float]] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)


def seed(folder: Path, port: int, stripe: str, *, asked: argparse.Namespace) -> Any:
    """A migrated database with an owner and every retry of the run planned."""
    config = a_config(folder, port, stripe=stripe)
    many = int(asked.seconds * asked.retries)
    app = prepare(config)
    with app.app_context():
        now = current.now()
        people.add(OWNER, PASSWORD, role=Role.OWNER, now=now)
        _accounts(now)
        numbers = range(1, many + 1)
        began = now - timedelta(minutes=1)
        rows = ({**subscription_row(n, 1 + n % ACCOUNTS)} for n in numbers)
        write_rows(Subscription, rows)
        times = {
            "started_at": began,
            "deadline_at": began + timedelta(days=28),
            "looked_at": now,
        }
        write_rows(
            Recovery, ({**recovery_row(n, 1 + n % ACCOUNTS), **times} for n in numbers)
        )
        first_due = datetime.now(UTC) + timedelta(seconds=asked.lead)
        write_planned(_planned(many, first_due, asked.retries))
        for engine in db.engines.values():
            engine.dispose()
    return config


def _accounts(now: datetime) -> None:
    """More accounts like the first one."""
    with transaction() as session:
        first = session.get_one(StripeAccount, 1)
        for n in range(2, ACCOUNTS + 1):
            session.add(
                StripeAccount(
                    id=n,
                    stripe_account_id=f"acct_{n}",
                    livemode=False,
                    kind=first.kind,
                    connection_key=f"soak-{n}",
                    sealed_api_key=first.sealed_api_key,
                    sealed_webhook_secret=first.sealed_webhook_secret,
                    status=first.status,
                    reconciled_at=now,
                    switched_at=now,
                    connected_at=now - timedelta(hours=1),
                )
            )
        first.connected_at = now - timedelta(hours=1)


def _planned(many: int, first_due: datetime, rate: float) -> Iterator[dict[str, Any]]:
    for row in attempts(many, accounts=ACCOUNTS, due=first_due):
        number = row["recovery_id"] - 1
        row["due_at"] = first_due + timedelta(seconds=number / rate)
        yield row


@contextmanager
def a_server(config: Any, log: Path) -> Iterator[Process]:
    """`python wsgi.py`, its log in a file."""
    environment = {
        **os.environ,
        "DATABASE_URL": config.database_url,
        "SECRET_KEY": config.secret_key,
        "ENCRYPTION_KEYS": ",".join(config.encryption_keys),
        "STRIPE_API_BASE": config.stripe_api_base,
        "STRIPE_CONNECT_BASE": config.stripe_api_base,
        "PORT": str(config.port),
    }
    for name in ("CLOCK_FILE", "METRICS_TOKEN"):
        environment.pop(name, None)
    with log.open("w") as told:
        process = subprocess.Popen(
            [sys.executable, "wsgi.py"],
            cwd=ROOT,
            env=environment,
            stdout=told,
            stderr=told,
        )
        try:
            _until_up(config.port)
            yield Process(process.pid, config.port, PATH)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _until_up(port: int) -> None:
    for _ in range(300):
        try:
            if requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    raise SystemExit("the server did not come up")


def watch(process: Process, seen: Seen, *, stop: threading.Event) -> None:
    """Sample memory and CPU every five seconds."""
    began, cpu_before = time.monotonic(), process.cpu_seconds()
    while not stop.wait(5):
        at = time.monotonic() - began
        seen.memory.append((at, process.resident_mb()))
        cpu = process.cpu_seconds()
        seen.cpu.append((at, (cpu - cpu_before) / 5))
        cpu_before = cpu


def turn_pages(port: int, seen: Seen, *, stop: threading.Event) -> None:
    """An owner who reads a page every second."""
    browser, base = requests.Session(), f"http://127.0.0.1:{port}"
    form = browser.get(f"{base}/login", timeout=30).text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form)
    fields = {"email": OWNER, "password": PASSWORD}
    fields["csrf_token"] = token.group(1) if token else ""
    signed_in = browser.post(f"{base}/login", data=fields, timeout=30)
    if not signed_in.ok:
        seen.faults[f"sign-in answered {signed_in.status_code}"] += 1
    began, number = time.monotonic(), 0
    while not stop.wait(1):
        page, number = PAGES[number % len(PAGES)], number + 1
        asked_at = time.monotonic()
        try:
            answer = browser.get(base + page, timeout=30)
        except requests.RequestException as fault:
            seen.faults[f"{page}: {type(fault).__name__}"] += 1
            continue
        seen.pages.append((asked_at - began, time.monotonic() - asked_at))
        if answer.status_code not in (200, 404):
            seen.faults[f"{page} answered {answer.status_code}"] += 1


def deliver(process: Process, seen: Seen, *, asked: argparse.Namespace) -> int:
    """The webhooks, from a process of their own; how many different events."""
    command = [sys.executable, "-m", "benchmarks.soak_load"]
    for name, value in {
        "port": process.port,
        "path": process.path,
        "seconds": asked.seconds,
        "window": asked.window,
        "rate": asked.events,
        "invoices": int(asked.seconds * asked.retries),
        "seed": asked.seed,
    }.items():
        command += [f"--{name}", str(value)]
    load = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert load.stdout is not None
    events = 0
    for line in load.stdout:
        told = json.loads(line)
        events = told.get("events", events)
        if "at" in told:
            seen.windows.append(told)
            _print_window(told, seen, window=asked.window)
            for status, many in told["statuses"].items():
                if status != "200":
                    seen.faults[f"a webhook answered {status}"] += many
    if load.wait() != 0:
        sys.exit("the sender of webhooks failed: see above")
    return events


def _print_window(told: dict[str, Any], seen: Seen, *, window: float) -> None:
    since = told["at"] - window
    memory = [mb for at, mb in seen.memory if at >= since] or [0.0]
    cpu = [share for at, share in seen.cpu if at >= since] or [0.0]
    pages = sorted(took for at, took in seen.pages if at >= since) or [0.0]
    print(
        f"{told['at']:>7.0f} s {told['answers']:>8} webhooks  p50 {told['p50_ms']:6.1f}"
        f"  p99 {told['p99_ms']:7.1f}  longest {told['longest_ms']:7.0f} ms"
        f"  | pages p99 {1000 * pages[int(len(pages) * 0.99)]:6.0f} ms"
        f"  | {statistics.median(memory):6.1f} MB  CPU {statistics.mean(cpu):4.0%}"
        f"  load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def drained(config: Any) -> None:
    """Wait until what was planned and stored is done, for a while."""
    engine = create_engine(config.database_url)
    give_up_at = time.monotonic() + DRAINED_WITHIN
    while time.monotonic() < give_up_at:
        with engine.connect() as link:
            if not any(_open(link).values()):
                break
        time.sleep(1)
    engine.dispose()


def _open(link: Any) -> dict[str, int]:
    """What should have been done by now; the first attempts are those of the run."""
    asked = {
        "retries that were due and not made": "SELECT count(*) FROM retry_attempt "
        "WHERE status = 'scheduled' AND number = 1",
        "retries left without an answer": "SELECT count(*) FROM retry_attempt "
        "WHERE status IN ('running', 'unknown')",
        "events not handled": "SELECT count(*) FROM stripe_event "
        "WHERE status = 'pending'",
    }
    return {what: link.execute(text(query)).scalar() for what, query in asked.items()}


def reconcile(
    config: Any, stripe: str, seen: Seen, *, events: int, asked: argparse.Namespace
) -> None:
    """Rows against Stripe's own count: lost, doubled, stuck."""
    counts = requests.get(f"{stripe}/counts", timeout=30).json()
    engine = create_engine(config.database_url)
    with engine.connect() as link:
        stuck = _open(link)
        one = lambda query: link.execute(text(query)).scalar()  # noqa: E731
        stored = one("SELECT count(*) FROM stripe_event")
        made = one(
            "SELECT count(*) FROM retry_attempt "
            "WHERE status IN ('succeeded', 'declined')"
        )
        twice = one(
            "SELECT count(*) FROM (SELECT 1 FROM retry_attempt WHERE status IN "
            "('succeeded', 'declined') GROUP BY recovery_id, number "
            "HAVING count(*) > 1) AS doubled"
        )
        late = [
            row[0]
            for row in link.execute(
                text(
                    "SELECT (julianday(started_at) - julianday(due_at)) * 86400 "
                    "FROM retry_attempt WHERE started_at IS NOT NULL"
                )
            )
        ]
    engine.dispose()
    late.sort()
    print(
        f"\n{events} events, {stored} stored; {counts['charges']} charges at Stripe, "
        f"{made} attempts recorded; {counts['calls']} calls"
    )
    if late:
        print(
            f"a retry began {statistics.median(late):.1f} s after it was due at the "
            f"median, {late[int(len(late) * 0.99)]:.1f} s at p99, at most "
            f"{late[-1]:.1f} s"
        )
    wrong = {
        **stuck,
        "events lost": events - stored,
        "charges not recorded, or recorded and not made": abs(counts["charges"] - made),
        "retries recorded twice": twice,
        "paid invoices charged again": counts.get("charged a paid invoice", 0),
        "planned retries that were not made": int(asked.seconds * asked.retries) - made,
    }
    for what, many in wrong.items():
        if many:
            seen.faults[what] += many


def complaints(log: Path, seen: Seen) -> None:
    """What the server said that is no matter of course."""
    for line in log.read_text().splitlines():
        if re.search(r" (WARNING|ERROR|CRITICAL) ", line) or "Traceback" in line:
            seen.faults[f"log: {line[24:140]}"] += 1


def verdict(seen: Seen, *, seconds: float) -> bool:
    """Print what counts; True when all is well."""
    warm = [(at, mb) for at, mb in seen.memory if at >= min(WARM_UP, seconds / 6)]
    third = max(1, len(warm) // 3)
    first = statistics.median(mb for _, mb in warm[:third])
    last = statistics.median(mb for _, mb in warm[-third:])
    is_level = last <= first * MAY_GROW
    print(
        f"memory: first third {first:.1f} MB, last third {last:.1f} MB, highest "
        f"{max(mb for _, mb in seen.memory):.1f} MB: {'level' if is_level else 'GROWS'}"
    )
    for what, many in seen.faults.most_common(20):
        print(f"FAULT {what}: {many}")
    is_well = is_level and not seen.faults
    print("verdict: " + ("memory level, no fault" if is_well else "NOT WELL"))
    return is_well


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--events", type=float, default=50, help="webhooks a second")
    parser.add_argument("--retries", type=float, default=20, help="a second")
    parser.add_argument("--window", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lead", type=float, default=10, help="seconds to start up")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="metricsco-soak-"))
    seen = Seen()
    try:
        with a_stand_in(
            "benchmarks.soak_stripe", STRIPE_TAKES, SHARE_DECLINED
        ) as stripe:
            port = a_free_port()
            config = seed(folder, port, stripe, asked=asked)
            print(f"{os.cpu_count()} cores, {asked.seconds:.0f} s, seed {asked.seed}")
            log = folder / "server.log"
            with a_server(config, log) as process:
                stop = threading.Event()
                threads = [
                    threading.Thread(
                        target=watch,
                        args=(process, seen),
                        kwargs={"stop": stop},
                    ),
                    threading.Thread(
                        target=turn_pages, args=(port, seen), kwargs={"stop": stop}
                    ),
                ]
                for thread in threads:
                    thread.start()
                events = deliver(process, seen, asked=asked)
                stop.set()
                for thread in threads:
                    thread.join()
                drained(config)
                reconcile(config, stripe, seen, events=events, asked=asked)
            complaints(log, seen)
        return 0 if verdict(seen, seconds=asked.seconds) else 1
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
