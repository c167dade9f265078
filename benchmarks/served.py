"""Our application in a process of its own, on a database of its own; for benchmarks."""

import argparse
import logging
import multiprocessing
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, update

from app import create_app, current, server
from app.config import Config
from app.domain.account import ConnectionKind, ConnectionStatus
from app.domain.people import Role
from app.extensions import db
from app.services import sessions
from app.storage.models import StripeAccount, User
from app.storage.transaction import transaction
from benchmarks.load import SECRET

ROOT = Path(__file__).resolve().parent.parent
CONNECTION_KEY = "benchmark"
PATH = f"/webhooks/stripe/{CONNECTION_KEY}"
COOKIE = "cookie"
NOBODY = "http://127.0.0.1:9"  # Stripe's address where no call is expected


@dataclass(frozen=True, slots=True)
class Process:
    """A server under test."""

    pid: int
    port: int
    path: str

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(x for x in status.splitlines() if x.startswith("VmRSS"))
        return int(line.split()[1]) / 1000


def prepare(config: Config, api_key: str = "rk_test_benchmark") -> Flask:
    """The application on a migrated database with one connected account."""
    from flask_migrate import upgrade  # not part of what is measured: 9 MB

    app = create_app(config)
    with app.app_context():
        upgrade()
        seal, now = current.vault().encrypt, current.now()
        with transaction() as session:
            session.add(
                StripeAccount(
                    stripe_account_id="acct_benchmark",
                    livemode=False,
                    kind=ConnectionKind.KEY,
                    connection_key=CONNECTION_KEY,
                    sealed_api_key=seal(api_key),
                    sealed_webhook_secret=seal(SECRET),
                    status=ConnectionStatus.CONNECTED,
                    reconciled_at=now,  # else it would find the declines before we tell
                    switched_at=now,
                    connected_at=now,
                )
            )
    return app


def _prepare(config: Config, asked: argparse.Namespace) -> None:
    app = prepare(config, asked.api_key)
    if asked.seeded:
        with app.app_context():
            _seed(asked.seeded)
        client = signed_in(app)
        cookie = client.get_cookie("metricsco")
        assert cookie is not None
        (asked.folder / COOKIE).write_text(cookie.value)


def _seed(subscriptions: int) -> None:
    from benchmarks.seeding import seed  # not part of what is measured: 8 MB

    seed(subscriptions, now=current.now())
    with transaction() as session:
        # To be read and nothing more: no job has anything to do with it.
        session.execute(
            update(StripeAccount)
            .where(StripeAccount.connection_key != CONNECTION_KEY)
            .values(status=ConnectionStatus.DISCONNECTED)
        )


def signed_in(app: Flask) -> FlaskClient:
    """A browser in which an owner is signed in."""
    with app.app_context():
        with transaction() as session:
            user = User(
                email="bench@example.com",
                password_hash="-",
                role=Role.OWNER,
                created_at=current.now(),
            )
            session.add(user)
        token = sessions.begin(user.id, address="", browser="", now=current.now())
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = token
    return client


def a_config(folder: Path, port: int, *, stripe: str = NOBODY) -> Config:
    return Config(
        database_url=f"sqlite:///{folder / 'ours.db'}",
        secret_key="benchmark",
        encryption_keys=(Fernet.generate_key().decode(),),
        port=port,
        stripe_api_base=stripe,
    )


@contextmanager
def running(command: list[str], port: int, path: str) -> Iterator[Process]:
    """A server of this command, once it answers."""
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        _wait_for(port)
        yield Process(process.pid, port, path)
    finally:
        process.terminate()
        process.wait(30)


def ours(
    folder: Path,
    port: int,
    *,
    slower_by: float = 0.0,
    stripe: str = NOBODY,
    api_key: str = "rk_test_benchmark",
    seeded: int = 0,
) -> list[str]:
    """The command that serves the application on a new database in `folder`.

    With `seeded` subscriptions in it, `folder` has the cookie of a session, too.
    """
    return [
        *(sys.executable, "-m", "benchmarks.served", "--folder", str(folder)),
        *("--port", str(port), "--slower-by", str(slower_by)),
        *("--stripe", stripe, "--api-key", api_key, "--seeded", str(seeded)),
    ]


def _wait_for(port: int) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing answers on port {port}")


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--slower-by", type=float, default=0.0, help="seconds a commit")
    parser.add_argument("--stripe", default=NOBODY)
    parser.add_argument("--api-key", default="rk_test_benchmark")
    parser.add_argument("--seeded", type=int, default=0, help="subscriptions")
    asked = parser.parse_args()
    logging.disable(logging.INFO)  # the migrations tell of every step
    config = a_config(asked.folder, asked.port, stripe=asked.stripe)
    # In a process of its own, for what migrates leaves its memory behind.
    preparing = multiprocessing.get_context("fork").Process(
        target=_prepare, args=(config, asked)
    )
    preparing.start()
    preparing.join()
    app = create_app(config)
    if asked.slower_by:
        with app.app_context():
            event.listen(
                db.engines["writer"], "commit", lambda _: time.sleep(asked.slower_by)
            )
    return server.serve(app)


if __name__ == "__main__":
    sys.exit(_main())
