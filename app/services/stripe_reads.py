"""Counts our reads from Stripe: the budget for them is finite and on the page."""

import threading
from collections import Counter
from datetime import datetime

from flask import Flask, current_app
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from app.storage.connection_models import StripeReads
from app.storage.transaction import transaction
from app.stripe_gateway import Call


class ReadCounter:
    """One per application; counts in memory, since a read must not cost a write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[int] = Counter()

    def heard(self, account_id: int | None, call: Call) -> None:
        """Told of every call to Stripe."""
        if account_id is not None and not call.is_write:
            with self._lock:
                self._calls[account_id] += 1

    def taken(self) -> Counter[int]:
        """What was counted since the last time."""
        with self._lock:
            calls, self._calls = self._calls, Counter()
        return calls


def register(app: Flask) -> None:
    """Count every read of this application."""
    counter = ReadCounter()
    app.extensions["metricsco.read_counter"] = counter
    app.extensions["metricsco.call_listeners"].append(counter.heard)


def write_down(*, now: datetime) -> int:
    """Add what was counted to the day; how many reads. A crash forgets a minute."""
    counter: ReadCounter = current_app.extensions["metricsco.read_counter"]
    calls = counter.taken()
    for account_id, count in calls.items():
        _add(account_id, count, now=now)
    return calls.total()


def _add(account_id: int, count: int, *, now: datetime) -> None:
    if _raise(account_id, count, now=now):
        return
    try:
        with transaction() as session:
            session.add(StripeReads(account_id=account_id, day=now.date(), calls=count))
    except IntegrityError:
        # Another process began the day in the same moment.
        _raise(account_id, count, now=now)


def _raise(account_id: int, count: int, *, now: datetime) -> bool:
    with transaction() as session:
        found = session.execute(
            update(StripeReads)
            .where(StripeReads.account_id == account_id, StripeReads.day == now.date())
            .values(calls=StripeReads.calls + count)
            .returning(StripeReads.account_id)
        ).first()
    return found is not None
