"""Totals that stay cheap on big tables: what cannot change is counted once.

The first look counts everything, later ones only what came since.
"""

import threading
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from app.storage import health
from app.storage.health import Waiting
from app.storage.transaction import reading

# Rows can become visible out of the order of their ids and times, by moments. What is
# this far back stands still.
_FRESH_IDS = 1000
_FRESH = timedelta(minutes=10)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_FAR = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Totals:
    """The figures of one look."""

    declines: Counter[str]
    attempts: Counter[str]
    events_received: int
    events_failing: int
    retries: Waiting
    events: Waiting
    accounts_in_trouble: int
    accounts_put_back: int
    database_bytes: int
    beaten_at: datetime | None


class Figures:
    """Remembers what is settled between looks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._declines: Counter[str] = Counter()
        self._declines_until = 0
        self._attempts: Counter[str] = Counter()
        self._attempts_until = _EVER
        self._events = 0
        self._events_until = _EVER

    def totals(self, *, now: datetime) -> Totals:
        """All of it, as of now."""
        with self._lock, reading() as session:
            return Totals(
                declines=self._count_declines(session),
                attempts=self._count_attempts(session, now=now),
                events_received=self._count_events(session, now=now),
                events_failing=health.failing_events(session),
                retries=health.due_retries(session, now=now),
                events=health.due_events(session, now=now),
                accounts_in_trouble=health.accounts_in_trouble(session),
                accounts_put_back=health.accounts_put_back(session),
                database_bytes=health.database_size(session),
                beaten_at=health.beaten_at(session),
            )

    def _count_declines(self, session: Session) -> Counter[str]:
        newest = health.newest_decline_id(session)
        edge = max(newest - _FRESH_IDS, self._declines_until)
        self._declines.update(
            health.declines_by_kind(session, after=self._declines_until, until=edge)
        )
        self._declines_until = edge
        fresh = health.declines_by_kind(session, after=edge, until=newest)
        return self._declines + Counter(fresh)

    def _count_attempts(self, session: Session, *, now: datetime) -> Counter[str]:
        # Before the oldest that has not ended, nothing can end any more.
        live = health.oldest_live_attempt(session) or now
        edge = max(min(live, now) - _FRESH, self._attempts_until)
        settled = health.attempts_by_end(
            session, after=self._attempts_until, until=edge
        )
        self._attempts.update(settled)
        self._attempts_until = edge
        fresh = health.attempts_by_end(session, after=edge, until=_FAR)
        return self._attempts + Counter(fresh)

    def _count_events(self, session: Session, *, now: datetime) -> int:
        edge = max(now - _FRESH, self._events_until)
        self._events += health.events_received(
            session, after=self._events_until, until=edge
        )
        self._events_until = edge
        fresh = health.events_received(session, after=edge, until=_FAR)
        return self._events + fresh
