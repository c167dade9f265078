"""Which charts the dashboard and the report show, each with the table that says the
same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.figures import (
    Answered,
    Approval,
    Cell,
    Cohort,
    Ended,
    approval_by,
    cohorts,
    is_over,
    rate,
)
from app.domain.money import Money
from app.domain.periods import Bucket, Period, buckets, months
from app.domain.recovery import RecoveryStatus
from app.web.charts import (
    Chart,
    ColumnChart,
    approval_chart,
    cohort_chart,
    column_chart,
    count_chart,
)

MONTHS = 12
MOST_CURRENCIES = 3
_WEEKDAYS = (
    *("Sunday", "Monday", "Tuesday", "Wednesday"),
    *("Thursday", "Friday", "Saturday"),
)
_MONDAY_FIRST = (1, 2, 3, 4, 5, 6, 0)
_HOURS_A_BAR = 4
_READING = (
    "From left to right: recovered, paid elsewhere (striped), open (dotted), lost."
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One chart with its table."""

    chart: Chart | ColumnChart
    heads: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    note: str = ""

    @property
    def is_standing(self) -> bool:
        """Whether its bars stand side by side."""
        return isinstance(self.chart, ColumnChart)


def of_period(
    ended: list[Ended],
    codes: Sequence[Any],
    won: list[tuple[int, int]],
    *,
    period: Period,
) -> list[Shown]:
    """What happened in the period; only what has something to show."""
    charts = [*_of_money(ended, period), _of_codes(codes), _of_won(won)]
    return [shown for shown in charts if shown.rows]


def of_all_time(cells: list[Cell], answers: list[Answered]) -> list[Shown]:
    """What all that was ever counted says; only what has something to show."""
    found = cohorts(cells, most=MONTHS)
    charts = [
        _of_closed_months([each for each in found if is_over(each)], cells),
        _of_open_months([each for each in found if not is_over(each)]),
        _of_numbers(answers),
        _of_weekdays(answers),
        _of_hours(answers),
    ]
    return [shown for shown in charts if shown.rows]


def _of_money(ended: list[Ended], period: Period) -> list[Shown]:
    """One chart a currency, those in which most recoveries ended first."""
    counts: dict[str, int] = {}
    for each in ended:
        counts[each.cell.currency] = counts.get(each.cell.currency, 0) + each.cell.count
    busiest = sorted(counts, key=lambda currency: (-counts[currency], currency))
    return [_of_currency(name, ended, period) for name in busiest[:MOST_CURRENCIES]]


def _of_currency(currency: str, ended: list[Ended], period: Period) -> Shown:
    mine = [each for each in ended if each.cell.currency == currency]
    if period.first is None:  # counted by month
        bars = months(min(each.day for each in mine), period.last)
    else:
        bars = buckets(period.first, period.last)
    rows = [(bar.label, *_money_in(bar, mine)) for bar in bars]
    highest = max(max(won, lost) for _, won, lost in rows)
    top = str(Money(highest, currency))
    return Shown(
        column_chart(f"Recovered and lost, {currency.upper()}", rows, top=top),
        ("When (UTC)", "Recovered", "Lost"),
        [
            (label, str(Money(won, currency)), str(Money(lost, currency)))
            for label, won, lost in rows
        ],
        "Filled: recovered by our retries. Outlined: lost.",
    )


def _money_in(bucket: Bucket, ended: list[Ended]) -> tuple[int, int]:
    inside = [each.cell for each in ended if bucket.first <= each.day <= bucket.last]
    won = (c.recovered for c in inside if c.status is RecoveryStatus.RECOVERED)
    return sum(won), sum(cell.amount for cell in inside if cell.is_lost)


def _of_codes(codes: Sequence[Any]) -> Shown:
    counted = [(row.decline_code or "no code", int(row.declines)) for row in codes]
    return Shown(
        count_chart("Declines by code", counted), ("Code", "Declines"), counted
    )


def _of_won(won: list[tuple[int, int]]) -> Shown:
    counted = [(f"Retry {retries}", count) for retries, count in won]
    return Shown(
        count_chart("Recovered, by number of the retry", counted),
        ("Approved at", "Renewals"),
        counted,
    )


def _of_closed_months(months: list[Cohort], cells: list[Cell]) -> Shown:
    over = rate(cells)
    share = "" if over.share is None else f" Together {over.share:.1%} were recovered."
    return _of_cohorts(
        "Months that are over", months, f"No recovery of theirs is open.{share}"
    )


def _of_open_months(months: list[Cohort]) -> Shown:
    note = "Some of their recoveries are open: their shares may still change."
    return _of_cohorts("Months that are not over", months, note)


def _of_cohorts(title: str, months: list[Cohort], note: str) -> Shown:
    return Shown(
        cohort_chart(f"{title}, by first decline", months),
        ("First declined in", "Recovered", "Paid elsewhere", "Open", "Lost", "All"),
        [(m.month, m.recovered, m.elsewhere, m.open, m.lost, m.all) for m in months],
        f"{note} {_READING}",
    )


def _of_numbers(answers: list[Answered]) -> Shown:
    found = approval_by(answers, lambda each: each.number)
    rows = [(f"Retry {number}", of) for number, of in found.items()]
    return _approvals("Approved, by number of the retry", "Retry", rows)


def _of_weekdays(answers: list[Answered]) -> Shown:
    found = approval_by(answers, lambda each: each.weekday)
    rows = [(_WEEKDAYS[day], found[day]) for day in _MONDAY_FIRST if day in found]
    return _approvals("Approved, by weekday", "Day (UTC)", rows)


def _of_hours(answers: list[Answered]) -> Shown:
    found = approval_by(answers, lambda each: each.hour // _HOURS_A_BAR * _HOURS_A_BAR)
    rows = [
        (f"{hour:02}:00 to {hour + _HOURS_A_BAR:02}:00", of)
        for hour, of in found.items()
    ]
    return _approvals("Approved, by hour of the day", "Hours (UTC)", rows)


def _approvals(title: str, head: str, rows: list[tuple[str, Approval]]) -> Shown:
    table = [(label, of.approved, of.all, f"{of.share:.1%}") for label, of in rows]
    heads = (head, "Approved", "Answered", "Share")
    return Shown(approval_chart(title, rows), heads, table)
