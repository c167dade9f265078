"""Which charts the dashboard shows, each with the table that says the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.domain.figures import Answered, Approval, Cell, approval_by, cohorts
from app.storage import figures as kept
from app.web.charts import Chart, approval_chart, cohort_chart, count_chart

MONTHS = 12
_CODES_SINCE = timedelta(days=90)
_WEEKDAYS = (
    *("Sunday", "Monday", "Tuesday", "Wednesday"),
    *("Thursday", "Friday", "Saturday"),
)
_MONDAY_FIRST = (1, 2, 3, 4, 5, 6, 0)
_HOURS_A_BAR = 4


@dataclass(frozen=True, slots=True)
class Shown:
    """One chart with its table."""

    chart: Chart
    heads: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    note: str = ""


def shown_charts(
    session: Session,
    cells: list[Cell],
    *,
    accounts: frozenset[int] | None,
    now: datetime,
) -> list[Shown]:
    """Those that have something to show."""
    answers = kept.answers(session, accounts=accounts)
    since = f"{now - _CODES_SINCE:%Y-%m}"
    codes = kept.by_code(session, accounts=accounts, since=since)
    charts = [
        _of_cohorts(cells),
        _of_codes(codes, since),
        _of_numbers(answers),
        _of_weekdays(answers),
        _of_hours(answers),
    ]
    return [shown for shown in charts if shown.rows]


def _of_cohorts(cells: list[Cell]) -> Shown:
    months = cohorts(cells, most=MONTHS)
    return Shown(
        cohort_chart(months),
        ("First declined in", "Recovered", "Paid elsewhere", "Open", "Lost", "All"),
        [(m.month, m.recovered, m.elsewhere, m.open, m.lost, m.all) for m in months],
        "From left to right: recovered, paid elsewhere (striped), open (dotted), lost. "
        "A month with open recoveries is not over: its share may still change.",
    )


def _of_codes(codes: Sequence[Any], since: str) -> Shown:
    counted = [(row.decline_code or "no code", int(row.declines)) for row in codes]
    return Shown(
        count_chart("Declines by code", counted),
        ("Code", "Declines"),
        counted,
        f"Since {since}.",
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
