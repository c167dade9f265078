"""The sandbox's clock: a file with an ISO 8601 time, and what is due at what time."""

import heapq
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from app.sandbox.errors import Obj

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def wall_clock() -> int:
    """Return the machine's own time in epoch seconds."""
    return int(time.time())


def epoch(moment: datetime) -> int:
    return int(moment.timestamp())


def moment_of(at: int) -> datetime:
    return datetime.fromtimestamp(at, tz=UTC)


def iso(at: int) -> str:
    return moment_of(at).isoformat()


def parse_time(text: str) -> int:
    """Return epoch seconds of an ISO 8601 time; one without a zone is UTC."""
    moment = datetime.fromisoformat(text.strip())
    return epoch(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def read_clock(path: Path) -> int | None:
    """Return the time in the clock file, or None where there is none yet."""
    return parse_time(path.read_text()) if path.exists() else None


def write_clock(path: Path, at: int) -> None:
    """Replace the file in one step: the app may read it at any moment."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(iso(at))
    os.replace(fresh, path)


def step(at: int, interval: str, count: int) -> int:
    """Return the time `count` intervals (day, week, month, year) after `at`.

    A month that is too short ends on its last day, as Stripe's do:
    https://docs.stripe.com/billing/subscriptions/billing-cycle
    """
    if interval in ("day", "week"):
        days = count * (7 if interval == "week" else 1)
        return epoch(moment_of(at) + timedelta(days=days))
    moment = moment_of(at)
    months = moment.month - 1 + count * (12 if interval == "year" else 1)
    year, month = moment.year + months // 12, months % 12 + 1
    day = min(moment.day, _days_in(year, month))
    return epoch(moment.replace(year=year, month=month, day=day))


def _days_in(year: int, month: int) -> int:
    following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return (following - timedelta(days=1)).day


class Due(NamedTuple):
    at: int
    number: int  # keeps the order of what is due at the same second
    action: str
    details: Obj


class Schedule:
    """What will happen by itself, in order of time."""

    def __init__(self) -> None:
        self._heap: list[Due] = []
        self._number = 0

    def put(self, at: int, action: str, details: Obj) -> None:
        self._number += 1
        heapq.heappush(self._heap, Due(at, self._number, action, details))

    def next_at(self) -> int | None:
        return self._heap[0].at if self._heap else None

    def take(self, *, until: int) -> Due | None:
        """Remove and return the first thing due by `until`."""
        if self._heap and self._heap[0].at <= until:
            return heapq.heappop(self._heap)
        return None

    def __len__(self) -> int:
        return len(self._heap)
