"""How times read on a page. A long list has a hundred of them, hence no strftime()."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
        local = self._local(time)
        is_near = abs(time - self.now) < _FAR
        text = relative(time, now=self.now) if is_near else _day(local)
        return _tag(time, text, title=_to_the_second(local))

    def exact(self, time: datetime) -> Markup:
        """`time` to the second."""
        written = self.exact_text(time)
        return _tag(time, written, title=written)

    def exact_text(self, time: datetime) -> str:
        """The same as plain text."""
        return _to_the_second(self._local(time))

    def _local(self, time: datetime) -> datetime:
        try:
            return time.astimezone(self.zone)
        except OverflowError:  # the last hours of the calendar, which Stripe may send
            return time.astimezone(UTC)


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


def _tag(time: datetime, text: str, *, title: str) -> Markup:
    # Only digits and names of days, months and zones: there is nothing to escape.
    return Markup(  # noqa: S704
        f'<time datetime="{utc_written(time)}" title="{title}">{text}</time>'
    )


def _to_the_second(local: datetime) -> str:
    clock = local.isoformat()[11:19]
    return f"{_WEEKDAYS[local.weekday()]} {_day(local)}, {clock} {local.tzname()}"


def _day(local: datetime) -> str:
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"
