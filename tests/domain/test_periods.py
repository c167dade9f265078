"""Periods: whole days in UTC, and bars that together cover each of them once."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from app.domain.periods import Span, buckets, months, period_of

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "first", "last"),
    [
        (Span.WEEK, date(2026, 10, 27), date(2026, 11, 2)),
        (Span.MONTH, date(2026, 10, 4), date(2026, 11, 2)),
        (Span.QUARTER, date(2026, 8, 5), date(2026, 11, 2)),
        (Span.THIS_MONTH, date(2026, 11, 1), date(2026, 11, 2)),
        (Span.LAST_MONTH, date(2026, 10, 1), date(2026, 10, 31)),
        (Span.ALL, None, date(2026, 11, 2)),
    ],
)
def test_what_a_span_covers(span: Span, first: date | None, last: date) -> None:
    found = period_of(span, now=NOW)
    assert (found.first, found.last) == (first, last)
    assert found.words


def test_the_day_is_that_of_utc_and_january_has_a_last_month() -> None:
    tokyo = datetime(2027, 1, 1, 3, 0, tzinfo=timezone(timedelta(hours=9)))
    assert period_of(Span.WEEK, now=tokyo).last == date(2026, 12, 31)
    january = period_of(Span.LAST_MONTH, now=datetime(2027, 1, 31, tzinfo=UTC))
    assert (january.first, january.last) == (date(2026, 12, 1), date(2026, 12, 31))


@pytest.mark.parametrize("days", [1, 2, 7, 30, 31, 32, 89, 90])
def test_bars_cover_each_day_once(days: int) -> None:
    first = date(2026, 2, 20)
    last = first + timedelta(days=days - 1)
    covered = [
        bar.first + timedelta(days=n)
        for bar in buckets(first, last)
        for n in range((bar.last - bar.first).days + 1)
    ]
    assert covered == [first + timedelta(days=n) for n in range(days)]
    assert len(buckets(first, last)) <= 31


def test_months_begin_on_their_first_day() -> None:
    found = months(date(2026, 11, 30), date(2027, 2, 1))
    assert [bar.label for bar in found] == [
        "Nov 2026", "Dec 2026", "Jan 2027", "Feb 2027",
    ]  # fmt: skip
    assert [bar.last.day for bar in found] == [30, 31, 31, 28]
