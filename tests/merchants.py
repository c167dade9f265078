"""A merchant at the sandbox, connected to an application of its own: for stories.

The application reaches the sandbox by HTTP, with the real stripe library in between.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from flask import Flask
from sqlalchemy import select

from app import create_app, current
from app.clock import Clock
from app.config import Config
from app.extensions import db
from app.sandbox import Sandbox, Subscriber, start_sandbox
from app.sandbox.founding import MERCHANT, MERCHANT_KEY, MERCHANT_SECRET_KEY
from app.services import invoices, rescue, retries, sweeping, wanted_looks
from app.storage.models import Decline, Recovery, RetryAttempt, StripeAccount
from app.storage.transaction import reading
from tests.builders import a_account

START = "2026-11-02T09:00:00+00:00"


@dataclass
class Merchant:
    """What a story needs: the sandbox, the application, and shortcuts to rows."""

    sandbox: Sandbox
    app: Flask
    account_id: int

    @property
    def now(self) -> datetime:
        return current.now()

    def declined_renewal(self, *answers: Any, default: Any = None, **wish: Any) -> str:
        """A subscriber whose first renewal is refused; the invoice's id, looked at."""
        subscriber = self.subscriber(*answers, default=default, **wish)
        invoice_id = self.renew(subscriber)
        self.look(invoice_id)
        return invoice_id

    def subscriber(self, *answers: Any, default: Any = None, **wish: Any) -> Subscriber:
        """A paying customer whose card answers so from the next charge on."""
        subscriber = self.sandbox.subscriber(**wish)
        self.sandbox.script(subscriber.customer, *answers, default=default)
        return subscriber

    def renew(self, subscriber: Subscriber) -> str:
        """Let a month pass, and the hour in which the renewal is a draft."""
        before = {entry["invoice"] for entry in self.sandbox.ledger()}
        self.sandbox.advance(days=31, hours=2)
        new = [
            entry["invoice"]
            for entry in self.sandbox.ledger()
            if entry["customer"] == subscriber.customer
            and entry["invoice"] not in before
        ]
        return str(new[-1])

    def api(self, method: str, path: str, **params: Any) -> dict[str, Any]:
        """The merchant's own software, or staff in the dashboard; 402 is no fault."""
        answer = self.api_or_refusal(method, path, **params)
        assert answer.ok or answer.status_code == 402, answer.text
        return dict(answer.json())

    def api_or_refusal(
        self, method: str, path: str, **params: Any
    ) -> requests.Response:
        """The same, with whatever Stripe answers."""
        return requests.request(
            method,
            self.sandbox.url + path,
            data=params,
            headers={"Authorization": f"Bearer {MERCHANT_SECRET_KEY}"},
            timeout=10,
        )

    def look(self, invoice_id: str, **how: Any) -> int | None:
        return invoices.look(self.account_id, invoice_id, now=self.now, **how)

    def tick(self) -> None:
        """What the jobs do by themselves, once."""
        retries.run_due(now=self.now, threads=4)
        wanted_looks.grant(now=self.now)
        rescue.rescue_stuck(now=self.now)
        sweeping.sweep(now=self.now)

    def run_to_next_retry(self, invoice_id: str) -> RetryAttempt:
        """Move the clock to the planned retry and let it happen; the attempt."""
        attempt = self.planned(invoice_id)
        assert attempt is not None, self.recovery(invoice_id).status_reason
        self.sandbox.advance(to=(attempt.due_at + timedelta(minutes=1)).isoformat())
        self.tick()
        return self.attempt(attempt.id)

    def recovery(self, invoice_id: str) -> Recovery:
        with reading() as session:
            return session.scalars(
                select(Recovery).where(Recovery.stripe_invoice_id == invoice_id)
            ).one()

    def attempts(self, invoice_id: str) -> list[RetryAttempt]:
        with reading() as session:
            return list(
                session.scalars(
                    select(RetryAttempt)
                    .join(Recovery)
                    .where(Recovery.stripe_invoice_id == invoice_id)
                    .order_by(RetryAttempt.number)
                )
            )

    def attempt(self, attempt_id: int) -> RetryAttempt:
        with reading() as session:
            return session.get_one(RetryAttempt, attempt_id)

    def planned(self, invoice_id: str) -> RetryAttempt | None:
        live = [a for a in self.attempts(invoice_id) if a.status == "scheduled"]
        return live[0] if live else None

    def declines(self, invoice_id: str) -> list[Decline]:
        with reading() as session:
            return list(
                session.scalars(
                    select(Decline)
                    .join(Recovery)
                    .where(Recovery.stripe_invoice_id == invoice_id)
                    .order_by(Decline.occurred_at)
                )
            )

    def charges(self, invoice_id: str) -> list[dict[str, Any]]:
        """Every charge that the sandbox saw on this invoice."""
        return [e for e in self.sandbox.ledger() if e["invoice"] == invoice_id]

    def account(self) -> StripeAccount:
        with reading() as session:
            return session.get_one(StripeAccount, self.account_id)


@contextmanager
def a_merchant(config: Config, tmp_path: Path) -> Iterator[Merchant]:
    """A merchant, connected by restricted key, without any subscriber yet."""
    clock_file = tmp_path / "clock"
    with start_sandbox(now=START, clock_file=clock_file) as sandbox:
        config = replace(
            config, stripe_api_base=sandbox.url, stripe_connect_base=sandbox.url
        )
        app = create_app(config, clock=Clock(clock_file))
        with app.app_context():
            account = a_account(
                stripe_account_id=MERCHANT,
                sealed_api_key=current.vault().encrypt(MERCHANT_KEY),
            )
            try:
                yield Merchant(sandbox, app, account.id)
            finally:
                current.parts().http_client.close()  # type: ignore[no-untyped-call]
                for engine in db.engines.values():
                    engine.dispose()
