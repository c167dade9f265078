"""Old events: their payload goes first, the row when Stripe cannot send it again.

Only what is done with is pruned, whatever its age otherwise. What decides about an
event stays beside it (`hints`), so that it can still be replayed; its id stays, so that
a repeat is known for one.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import CTE, JSON, ColumnElement, delete, func, literal, select, update
from sqlalchemy.orm import Session

from app import current
from app.domain.account import EventStatus
from app.storage.installation import installation
from app.storage.models import StripeEvent
from app.storage.transaction import transaction

# Stripe sends an event again for up to 3 days and shows it for 30
# (https://docs.stripe.com/webhooks, https://docs.stripe.com/api/events, 2026).
ROWS_FOR = timedelta(days=90)
AT_ONCE = 500  # rows in one transaction: SQLite has one writer, and webhooks wait
RUN_FOR = 5.0  # seconds in one go of the job; the next one goes on


@dataclass(slots=True)
class Pruned:
    """What one go took away."""

    payloads: int = 0
    rows: int = 0


def prune(*, now: datetime, run_for: float = RUN_FOR) -> Pruned:
    """Prune for some seconds at most."""
    payloads_until = now - timedelta(days=current.config().keep_payloads_days)
    rows_until = min(payloads_until, now - ROWS_FOR)
    found, stop_at = Pruned(), time.monotonic() + run_for
    while time.monotonic() < stop_at:
        with transaction() as session:
            rows = _remove(session, until=rows_until)
            payloads = _empty(session, until=payloads_until)
        found.rows += rows
        found.payloads += payloads
        if max(rows, payloads) < AT_ONCE:
            break
    return found


def _remove(session: Session, *, until: datetime) -> int:
    old = _oldest(StripeEvent.received_at < until)
    gone = session.execute(
        delete(StripeEvent)
        .where(StripeEvent.id.in_(select(old.c.id)))
        .returning(StripeEvent.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


def _empty(session: Session, *, until: datetime) -> int:
    """Go on where the last batch ended, which stands in the installation's row: what
    was emptied is not looked at again."""
    row = installation(session)
    if row is None:
        return 0
    begin = row.events_pruned_until
    since = StripeEvent.received_at >= begin if begin else literal(value=True)
    old = _oldest((StripeEvent.received_at < until) & since, StripeEvent.payload != "")
    times = session.scalars(
        update(StripeEvent)
        .where(StripeEvent.id.in_(select(old.c.id)))
        .values(
            payload="",
            hints=func.coalesce(StripeEvent.hints, literal({}, JSON)),
        )
        .returning(StripeEvent.received_at)
        .execution_options(synchronize_session=False)
    ).all()
    reached = max(times) if len(times) == AT_ONCE else until
    row.events_pruned_until = max(reached, begin) if begin else reached
    return len(times)


def _oldest(*wanted: ColumnElement[bool]) -> CTE:
    return (
        select(StripeEvent.id)
        .where(*wanted, StripeEvent.status != EventStatus.PENDING)
        .order_by(StripeEvent.received_at)
        .limit(AT_ONCE)
        .cte("old")
    )
