"""How times read on a page. A long list has a hundred of them, hence no strftime()."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from markupsafe import Markup

from app.web.words import plural

_FAR = timedelta(days=7)
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


@dataclass(frozen=True, slots=True)
class Reader:
    """One person reading one page: in their zone, at one moment."""

    zone: ZoneInfo
    now: datetime

    def when(self, time: datetime) -> Markup:
        """How far away `time` is, or its day; exactly when on hover."""
        spelled = _spelled(time, self.zone)
        is_near = abs(time - self.now) < _FAR
        text = relative(time, now=self.now) if is_near else spelled.day
        return _tag(spelled, text)

    def exact(self, time: datetime) -> Markup:
        """`time` to the second."""
        spelled = _spelled(time, self.zone)
        return _tag(spelled, spelled.exactly)

    def exact_text(self, time: datetime) -> str:
        """The same as plain text."""
        return _spelled(time, self.zone).exactly


def relative(time: datetime, *, now: datetime) -> str:
    """`in 3 hours`, `5 minutes ago`: the largest unit, rounded down."""
    seconds = int(abs((time - now).total_seconds()))
    for unit, size in _UNITS:
        if seconds >= size:
            span = plural(seconds // size, unit)
            return f"in {span}" if time > now else f"{span} ago"
    return "in a moment" if time > now else "just now"


def utc_written(time: datetime) -> str:
    """`time` for machines: `2026-11-23T09:00:00Z`."""
    return f"{time.astimezone(UTC).isoformat()[:19]}Z"


class _Spelled(NamedTuple):
    """A time in one zone: for machines, to the second, and its day."""

    utc: str
    exactly: str
    day: str


@lru_cache(maxsize=1024)  # open pages show the same rows every few seconds
def _spelled(time: datetime, zone: ZoneInfo) -> _Spelled:
    local = _local(time, zone)
    day = f"{local.day} {_MONTHS[local.month - 1]} {local.year}"
    clock = f"{local.isoformat()[11:19]} {local.tzname()}"
    exactly = f"{_WEEKDAYS[local.weekday()]} {day}, {clock}"
    return _Spelled(utc_written(time), exactly, day)


def _local(time: datetime, zone: ZoneInfo) -> datetime:
    try:
        return time.astimezone(zone)
    except OverflowError:  # the last hours of the calendar, which Stripe may send
        return time.astimezone(UTC)


def _tag(spelled: _Spelled, text: str) -> Markup:
    # Only digits and names of days, months and zones: there is nothing to escape.
    return Markup(  # noqa: S704
        f'<time datetime="{spelled.utc}" title="{spelled.exactly}">{text}</time>'
    )
