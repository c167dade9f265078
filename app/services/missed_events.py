"""Events that Stripe made against those that arrived: counted, and the rest fetched."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select

from app.domain.event_types import HANDLED_TYPES
from app.domain.snapshots import EventEnvelope
from app.services import deliveries
from app.storage.models import StripeAccount, StripeEvent
from app.storage.transaction import reading, transaction
from app.stripe_gateway import Gateway, PermissionMissing

log = logging.getLogger(__name__)

# What happened within this is on its way, to us or through the inbox.
ON_THE_WAY = timedelta(hours=1)
# Stripe shows events for 30 days (docs.stripe.com/api/events).
EVENTS_KEPT = timedelta(days=30)
MOST_PAGES = 10  # of each list, a hundred events a page
AT_ONCE = 100  # rows in one transaction: SQLite has one writer, and webhooks wait
SECOND = timedelta(seconds=1)  # Stripe dates events no finer


def fetch(gateway: Gateway, account_id: int, *, since: datetime, now: datetime) -> int:
    """Count what arrived, then take in what did not; how many events were new.

    `since` is how far back Stripe is asked for what it could not deliver; the count
    goes on where the last one ended.
    """
    until = now - ON_THE_WAY
    try:
        new = _compare(gateway, account_id, until=until, now=now)
        return new + _fetch_undelivered(
            gateway, account_id, since=since, until=until, now=now
        )
    except PermissionMissing:
        log.debug("account %s does not let us read events", account_id)
        _keep(account_id, expected=None, received=None, since=None, until=until)
        return 0


def _compare(
    gateway: Gateway, account_id: int, *, until: datetime, now: datetime
) -> int:
    made, since = _made(gateway, since=_last_end(account_id, now=now), until=until)
    if since >= until:
        return 0
    known = _known(made)
    # Kept before anything is fetched: a pass cut off later must not count as arrived
    # what it fetched.
    _keep(account_id, expected=len(made), received=len(known), since=since, until=until)
    missing = [event for event in made.values() if event.id not in known]
    return sum(
        deliveries.take_in(account_id, missing[at : at + AT_ONCE], now=now)
        for at in range(0, len(missing), AT_ONCE)
    )


def _last_end(account_id: int, *, now: datetime) -> datetime:
    """Where the last count ended; before we were connected nothing could arrive."""
    with reading() as session:
        account = session.get_one(StripeAccount, account_id)
    last_end = account.events_compared_at or account.connected_at
    return max(last_end, account.connected_at, now - EVENTS_KEPT)


def _made(
    gateway: Gateway, *, since: datetime, until: datetime
) -> tuple[dict[str, EventEnvelope], datetime]:
    """The events by id, and since when they are complete: newest come first."""
    found: list[EventEnvelope] = []
    after = None
    for _ in range(MOST_PAGES):
        page = gateway.events(HANDLED_TYPES, created_gte=since, after=after)
        found += page
        after = page.next_after
        if after is None:
            break
    else:
        # Of the second in which the list is cut off, not all are known.
        since = min((event.created for event in found), default=until) + SECOND
    return {e.id: e for e in found if since <= e.created < until}, since


def _known(event_ids: Iterable[str]) -> set[str]:
    with reading() as session:
        return set(
            session.scalars(
                select(StripeEvent.stripe_event_id).where(
                    StripeEvent.stripe_event_id.in_(list(event_ids))
                )
            )
        )


def _keep(
    account_id: int,
    *,
    expected: int | None,
    received: int | None,
    since: datetime | None,
    until: datetime,
) -> None:
    with transaction() as session:
        account = session.get_one(StripeAccount, account_id)
        account.events_expected = expected
        account.events_received = received
        account.events_compared_since = since
        account.events_compared_at = until


def _fetch_undelivered(
    gateway: Gateway,
    account_id: int,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
) -> int:
    """What Stripe knows it could not deliver, where there was too much to count."""
    new = 0
    after = None
    for _ in range(MOST_PAGES):
        page = gateway.undelivered_events(HANDLED_TYPES, created_gte=since, after=after)
        late = [event for event in page if event.created < until]
        new += deliveries.take_in(account_id, late, now=now)
        after = page.next_after
        if after is None:
            break
    return new
