"""Whether this machine's clock is right: Stripe dates every answer.

A clock that jumps ahead would end every recovery, for their time would be over, and
charge at once what is due in days. Nothing is charged, planned or ended by a clock that
differs from Stripe's, nor by one that has just jumped, or was just started with, before
Stripe was asked. In a sandbox the time is what its file says.
"""

import logging
import threading
import time
from datetime import datetime, timedelta

from flask import Flask, current_app
from sqlalchemy import select

from app import current
from app.config import STRIPE_API_BASE, Config
from app.domain.account import ConnectionStatus
from app.services.connections import NotConnected, gateway_of
from app.services.outcomes import CLOCKS_DIFFER
from app.storage.models import StripeAccount
from app.storage.transaction import reading
from app.stripe_gateway import Call, StripeTrouble
from app.vault import SecretUnreadable

log = logging.getLogger(__name__)

ASK_EVERY = 15.0  # seconds, while it is not known to be right


class ClockWatch:
    """One per application; `apart` is our time minus Stripe's, where it differs."""

    def __init__(self, app: Flask) -> None:
        self.apart: timedelta | None = None
        self._app = app
        # Our time when it was last seen to be right, and the machine's count of seconds
        # since it was started, which nobody sets.
        self._right: tuple[datetime, float] | None = None
        self._asked_at = float("-inf")
        self._asking = threading.Lock()

    def heard(self, _account_id: int | None, call: Call) -> None:
        """Told of every call to Stripe."""
        if call.dated is None:
            return
        ours = self._wall()
        apart = ours - call.dated
        if abs(apart) <= CLOCKS_DIFFER:
            self.apart, self._right = None, (ours, time.monotonic())
        elif self.apart is None:
            self.apart = apart
            log.error("nothing is charged or ended: %s", self.warning())

    def may_work(self) -> bool:
        """Whether the clock is right, as far as anybody tells; asks Stripe where it
        may not be."""
        if self._is_right():
            return True
        if not self._asking.acquire(blocking=False):
            return False
        try:
            if time.monotonic() - self._asked_at >= ASK_EVERY:
                self._ask()
                self._asked_at = time.monotonic()
            return self._is_right()
        finally:
            self._asking.release()

    def warning(self) -> str | None:
        """What a person must know; None while the clock is right."""
        if self.apart is None:
            return None
        minutes = int(abs(self.apart).total_seconds() // 60)
        far = f"{minutes:,} minutes" if minutes < 2 * 60 else f"{minutes // 60:,} hours"
        way = "ahead of" if self.apart > timedelta() else "behind"
        return (
            f"This server's clock is {far} {way} Stripe's. Nothing is charged and no "
            "recovery is ended before it is set right."
        )

    def _is_right(self) -> bool:
        if self._right is None or self.apart is not None:
            return False
        ours, count = self._right
        passed = timedelta(seconds=time.monotonic() - count)
        return abs(self._wall() - ours - passed) <= CLOCKS_DIFFER

    def _ask(self) -> None:
        """Have any account's Stripe tell the time; without one there is nothing that
        a wrong clock could spoil."""
        with reading() as session:
            account_ids = session.scalars(
                select(StripeAccount.id).where(
                    StripeAccount.status != ConnectionStatus.DISCONNECTED
                )
            ).all()
        for account_id in account_ids:
            try:
                gateway = gateway_of(account_id)
            except (NotConnected, SecretUnreadable):
                continue
            try:
                gateway.account()
            except StripeTrouble as trouble:
                if trouble.status is None:
                    return  # no answer at all, so no time
            if self.apart is None:
                # Whoever answers without a date has none to differ from.
                self._right = (self._wall(), time.monotonic())
            return
        self.apart, self._right = None, (self._wall(), time.monotonic())

    def _wall(self) -> datetime:
        with self._app.app_context():
            return current.wall()


def register(app: Flask, config: Config) -> None:
    """Watch the clock where it is the machine's, and Stripe is Stripe."""
    is_watched = config.clock_file is None and config.stripe_api_base == STRIPE_API_BASE
    watch = ClockWatch(app) if is_watched else None
    app.extensions["metricsco.clock_watch"] = watch
    if watch is not None:
        app.extensions["metricsco.call_listeners"].append(watch.heard)


def may_work() -> bool:
    """Whether what depends on the time may be done now."""
    watch: ClockWatch | None = current_app.extensions["metricsco.clock_watch"]
    return watch is None or watch.may_work()


def warning() -> str | None:
    """What a person must know of the clock; None while it is right."""
    watch: ClockWatch | None = current_app.extensions["metricsco.clock_watch"]
    return watch.warning() if watch else None
