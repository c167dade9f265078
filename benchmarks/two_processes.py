"""Charges a second by one and by two processes that share a PostgreSQL.

    python -m benchmarks.two_processes [--many 3000]

Starts its own PostgreSQL, a Stripe that takes 0.3 s a call, and processes that do what
is due until nothing is. No attempt may be made twice.
"""

import argparse
import subprocess
import sys
import time

from sqlalchemy import func, select

from app import create_app
from app.config import ROOT, Config
from app.extensions import db
from app.services import retries
from app.storage.models import RetryAttempt
from app.storage.transaction import reading
from benchmarks.retries import (
    FERNET_KEY,
    NOW,
    _counts,
    _seed,
    a_stub,
    attempts,
    write_planned,
)
from tests.databases import Server, make_tables
from tests.databases import a_server as a_postgresql

ACCOUNTS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--many", type=int, default=3_000)
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(*asked.work)
        return
    with a_postgresql() as server:
        for processes in (1, 2):
            measure(server, processes=processes, many=asked.many)


def measure(server: Server, *, processes: int, many: int) -> None:
    url = server.url(server.create())
    make_tables(url)
    with a_stub() as stub, create_app(_config(url, stub)).app_context():
        _seed(many, ACCOUNTS)
        write_planned(attempts(many, accounts=ACCOUNTS, due=NOW))
        command = [
            sys.executable,
            "-m",
            "benchmarks.two_processes",
            "--work",
            url,
            stub,
        ]
        began = time.monotonic()
        started = [subprocess.Popen(command, cwd=ROOT) for _ in range(processes)]
        codes = [process.wait() for process in started]
        took, found = time.monotonic() - began, _counts(stub)
        with reading() as session:
            by_status = select(RetryAttempt.status, func.count())
            rows = session.execute(by_status.group_by(RetryAttempt.status)).all()
        for engine in db.engines.values():
            engine.dispose()
    busy = sorted(found["by_second"])
    print(
        f"{processes} process(es), exits {codes}: {many} due in {took:.1f} s, median "
        f"{busy[len(busy) // 2]} charges a second, most {busy[-1]}; "
        f"{found.get('repeated', 0)} keys used twice; {dict(map(tuple, rows))}"
    )


def work(url: str, stub: str) -> None:
    """Charge until nothing is due, by whomever it is claimed."""
    with create_app(_config(url, stub)).app_context():
        while retries.run_due(now=NOW) or _is_due():
            pass


def _is_due() -> bool:
    with reading() as session:
        due = session.scalar(
            select(RetryAttempt.id).where(RetryAttempt.status == "scheduled").limit(1)
        )
    if due is not None:
        time.sleep(0.1)
    return due is not None


def _config(url: str, stub: str) -> Config:
    return Config(url, "not-a-secret", (FERNET_KEY,), stripe_api_base=stub)


if __name__ == "__main__":
    main()
