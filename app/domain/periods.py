"""Spans of days that money is counted for. Days are whole ones in UTC, as the counts
are kept."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

_A_DAY = timedelta(days=1)
# A bar for each day is readable up to here; above, weeks.
MOST_DAY_BARS = 31


class Span(StrEnum):
    """What may be asked for."""

    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"
    THIS_MONTH = "this-month"
    LAST_MONTH = "last-month"
    ALL = "all"


SPAN_WORDS = {
    Span.WEEK: "7 days",
    Span.MONTH: "30 days",
    Span.QUARTER: "90 days",
    Span.THIS_MONTH: "This month",
    Span.LAST_MONTH: "Last month",
    Span.ALL: "All time",
}


@dataclass(frozen=True, slots=True)
class Period:
    """From the day `first` to the day `last`, both included; None: since ever."""

    span: Span
    first: date | None
    last: date

    @property
    def words(self) -> str:
        """The days it covers, for a heading."""
        if self.first is None:
            return f"All time, until {_spelled(self.last)}"
        return f"{_spelled(self.first)} to {_spelled(self.last)}"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Some days of a period that are shown as one bar."""

    label: str
    first: date
    last: date


def period_of(span: Span, *, now: datetime) -> Period:
    """The days of `span` as seen at `now`, today included."""
    today = now.astimezone(UTC).date()
    month = today.replace(day=1)
    match span:
        case Span.WEEK:
            return Period(span, today - 6 * _A_DAY, today)
        case Span.MONTH:
            return Period(span, today - 29 * _A_DAY, today)
        case Span.QUARTER:
            return Period(span, today - 89 * _A_DAY, today)
        case Span.THIS_MONTH:
            return Period(span, month, today)
        case Span.LAST_MONTH:
            last = month - _A_DAY
            return Period(span, last.replace(day=1), last)
        case Span.ALL:
            return Period(span, None, today)


def buckets(first: date, last: date) -> list[Bucket]:
    """The bars between two days: one a day, or one a week where they would be many."""
    days = (last - first).days + 1
    if days <= MOST_DAY_BARS:
        return [_days(first + n * _A_DAY, 1, last) for n in range(days)]
    return [_days(first + n * _A_DAY, 7, last) for n in range(0, days, 7)]


def months(first: date, last: date) -> list[Bucket]:
    """One bar for each month between two days."""
    found, month = [], first.replace(day=1)
    while month <= last:
        next_month = (month + 31 * _A_DAY).replace(day=1)
        found.append(Bucket(f"{month:%b %Y}", month, next_month - _A_DAY))
        month = next_month
    return found


def _days(first: date, count: int, end: date) -> Bucket:
    last = min(first + (count - 1) * _A_DAY, end)
    label = f"{first.day} {first:%b}"
    if last > first:
        label += f" to {last.day} {last:%b}"
    return Bucket(label, first, last)


def _spelled(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
