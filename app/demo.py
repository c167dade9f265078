"""`python -m app.demo`: a merchant's month in ten minutes, on this machine alone.

Starts a sandbox that stands in for Stripe and the real server beside it, connects
them through the same page that an owner uses, and lets the sandbox's clock run fast.
"""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from threading import Event
from typing import Any

import click
import requests
from cryptography.fernet import Fernet

from app.config import INSTANCE, ROOT

FOLDER = INSTANCE / "demo"
OWNER = "owner@example.com"
CUSTOMERS = 300
HISTORY_DAYS = 45
# A day every sixteen seconds: the first retries come within seconds, and two minutes
# show a week.
HOURS_PER_SECOND = 1.5
# The sandbox's merchant; see app.sandbox.founding.
MERCHANT_KEY = "rk_test_sandboxMerchant"
READY_WITHIN = 60.0  # seconds, on a slow machine


class DemoFailed(Exception):
    """The demo cannot go on; the text says why."""


def main() -> int:
    """Run until Ctrl-C; 0 then, 1 when something would not start."""
    stopped = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    demo = Demo()
    try:
        demo.start()
        demo.tell()
        while not stopped.wait(1.0):
            demo.check()
    except DemoFailed as fault:
        click.echo(f"\nThe demo stopped: {fault}", err=True)
        return 1
    finally:
        demo.end()
    return 0


class Demo:
    """The processes of one demo."""

    def __init__(self) -> None:
        self.password = secrets.token_urlsafe(12)
        self.port = _free_port(int(os.environ.get("PORT") or 8000))  # noqa: TID251
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: list[subprocess.Popen[str]] = []
        self.environment: dict[str, str] = {}

    def start(self) -> None:
        """Everything, in order; nothing is left over from an earlier demo."""
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        click.echo("Starting the sandbox that stands in for Stripe ...")
        sandbox = self._start_sandbox()
        self.environment = self._settings(sandbox)
        click.echo(f"A merchant with {CUSTOMERS} subscribers signs up there ...")
        seed = {"customers": CUSTOMERS, "history_days": HISTORY_DAYS}
        _control(sandbox, "seed", seed)
        self._command("db", "upgrade")
        self._command("users", "add", OWNER, "--role", "owner", stdin=self.password)
        self._start_server()
        click.echo("Connecting the merchant's Stripe account ...")
        self._connect()
        _control(sandbox, "speed", {"hours_per_second": HOURS_PER_SECOND})

    def tell(self) -> None:
        """Where to look, and with what to sign in."""
        click.echo(
            f"""
  Metricsco is at   {self.url}
  Sign in with      {OWNER}
  Password          {self.password}

  A day passes every {24 / HOURS_PER_SECOND:.0f} seconds. Watch the dashboard: declines
  come in, retries run at their times, money comes back. Open any recovery to read why
  each retry happened when it did. Ctrl-C ends it all.
"""
        )

    def check(self) -> None:
        """Raise DemoFailed when one of the processes has ended by itself."""
        for process in self.processes:
            if process.poll() is not None:
                raise DemoFailed(f"{process.args!r} ended; see {FOLDER / 'log.txt'}")

    def end(self) -> None:
        """End every process, the newest first."""
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
        click.echo("Ended.")

    def _start_sandbox(self) -> str:
        now = datetime.now(UTC).isoformat()  # noqa: TID251 - where the clock begins
        arguments = ("--port", "0", "--seed", "11", "--now", now)
        process = self._run(
            "-m", "app.sandbox", "--clock-file", str(FOLDER / "clock"), *arguments
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            raise DemoFailed(f"the sandbox did not start; see {FOLDER / 'log.txt'}")
        return found.group()

    def _settings(self, sandbox: str) -> dict[str, str]:
        return {
            "DATABASE_URL": f"sqlite:///{FOLDER / 'metricsco.db'}",
            "SECRET_KEY": secrets.token_urlsafe(32),
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "STRIPE_API_BASE": sandbox,
            "STRIPE_CONNECT_BASE": sandbox,
            "CLOCK_FILE": str(FOLDER / "clock"),
            "LOG_FORMAT": "plain",
        }

    def _start_server(self) -> None:
        self._run("wsgi.py")
        give_up_at = time.monotonic() + READY_WITHIN
        while time.monotonic() < give_up_at:
            self.check()
            try:
                if requests.get(f"{self.url}/healthz", timeout=2).ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.1)
        raise DemoFailed("the server did not answer in time")

    def _connect(self) -> None:
        """Sign in and paste the restricted key, as an owner does."""
        with requests.Session() as browser:
            form = {"email": OWNER, "password": self.password}
            _submit(browser, f"{self.url}/login", form)
            page = f"{self.url}/account/payment-processor"
            key = {"api_key": MERCHANT_KEY}
            _submit(browser, page, key, to=f"{page}/stripe/key")

    def _command(self, *arguments: str, stdin: str = "") -> None:
        done = subprocess.run(  # noqa: S603 - our own commands
            [sys.executable, "-m", "flask", "--app", "app", *arguments],
            input=stdin,
            env={**os.environ, **self.environment},  # noqa: TID251
            cwd=ROOT,
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise DemoFailed(f"flask {' '.join(arguments)}: {done.stderr.strip()}")

    def _run(self, *arguments: str) -> subprocess.Popen[str]:
        log = (FOLDER / "log.txt").open("a")
        process = subprocess.Popen(  # noqa: S603 - our own programs
            [sys.executable, "-u", *arguments],
            env={**os.environ, **self.environment},  # noqa: TID251
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE if "app.sandbox" in arguments else log,
            stderr=log,
            # Ctrl-C is for this process alone; it ends the others in order.
            start_new_session=True,
        )
        self.processes.append(process)
        return process


def _submit(
    browser: requests.Session, page: str, form: dict[str, str], *, to: str = ""
) -> None:
    """Fill in a page's form and send it; DemoFailed with what the page answered."""
    shown = browser.get(page, timeout=30)
    token = re.search(r'name="csrf_token" value="([^"]+)"', shown.text)
    sent = {**form, "csrf_token": token.group(1) if token else ""}
    answer = browser.post(
        to or page,
        data=sent,
        timeout=60,
        headers={"Referer": page},
        allow_redirects=False,
    )
    if not answer.is_redirect:  # a form that was taken leads on
        raise DemoFailed(f"{to or page} answered {answer.status_code}")


def _control(sandbox: str, name: str, told: dict[str, Any]) -> None:
    answer = requests.post(f"{sandbox}/_sandbox/{name}", json=told, timeout=300)
    if not answer.ok:
        raise DemoFailed(f"the sandbox refused {name}: {answer.text}")


def _free_port(wanted: int) -> int:
    """`wanted`, or any other port when somebody listens there already."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoFailed("no port is free")


if __name__ == "__main__":
    sys.exit(main())
