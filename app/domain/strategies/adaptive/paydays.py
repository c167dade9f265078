"""Pay calendars as tables: for each kind of payday and each day, days since pay.

Days are counted from 1 January 2015 on the customer's own clock and turn over at
05:00, because payroll credits land between midnight and the morning.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY_ZERO = date(2015, 1, 1)
DAYS = 365 * 31 + 8  # to the end of 2045
NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEKLY, BIWEEKLY, SEMIMONTHLY, MONTHLY = range(4)
KINDS = 4
CYCLE_DAYS = (7.0, 14.0, 15.2, 30.4)


@dataclass(frozen=True, slots=True)
class Schedule:
    """One pay calendar: its kind and how it is told to a person."""

    kind: int
    words: str
    weekday: int | None = None
    days_of_month: tuple[int, ...] = ()


@lru_cache(maxsize=1)
def schedules() -> tuple[Schedule, ...]:
    """7 weekly, 14 biweekly, 3 semimonthly, 29 monthly, 4 by Wednesdays."""
    weekly = [Schedule(WEEKLY, f"each {name}", day) for day, name in enumerate(NAMES)]
    biweekly = [
        Schedule(BIWEEKLY, f"every other {NAMES[phase % 7]}", phase % 7)
        for phase in range(14)
    ]
    half = [
        Schedule(SEMIMONTHLY, f"on days {a} and {b} of the month", None, (a, b))
        for a, b in ((1, 15), (15, 31), (10, 20))
    ]
    monthly = [
        Schedule(MONTHLY, f"on day {day} of the month", None, (day,))
        for day in range(1, 29)
    ]
    last = [Schedule(MONTHLY, "on the last day of the month", None, (31,))]
    wednesdays = [
        Schedule(MONTHLY, f"on the {nth} Wednesday of the month", 2)
        for nth in ("first", "second", "third", "fourth")
    ]
    return tuple(weekly + biweekly + half + monthly + last + wednesdays)


def days_since_pay() -> Iterator[Floats]:
    """By schedule: for each day, days since that calendar's latest payday."""
    return (_days_since(paid) for paid in _paid_days())


def _paid_days() -> Iterator[NDArray[np.bool_]]:
    days = np.arange(DAYS)
    weekday = (days + DAY_ZERO.weekday()) % 7
    fortnight = (days + DAY_ZERO.weekday()) % 14
    months = month_days()
    for number, schedule in enumerate(schedules()):
        if schedule.kind == WEEKLY:
            yield weekday == schedule.weekday
        elif schedule.kind == BIWEEKLY:
            yield fortnight == number - 7
        elif schedule.days_of_month:
            yield _monthly(schedule.days_of_month)
        else:
            nth = number - len(schedules()) + 4
            yield (weekday == 2) & ((months - 1) // 7 == nth)


@lru_cache(maxsize=1)
def month_days() -> NDArray[np.int64]:
    """The day of the month of each day."""
    return np.array([(DAY_ZERO + timedelta(days=day)).day for day in range(DAYS)])


def _monthly(of_month: tuple[int, ...]) -> NDArray[np.bool_]:
    """Paid on these days of the month, on the Friday before if that is a weekend."""
    paid = np.zeros(DAYS, dtype=bool)
    for month in range(31 * 12):
        year, index = DAY_ZERO.year + month // 12, month % 12 + 1
        last = calendar.monthrange(year, index)[1]
        for wanted in of_month:
            due = date(year, index, min(wanted, last))
            due -= timedelta(days=max(0, due.weekday() - 4))
            if due >= DAY_ZERO:
                paid[(due - DAY_ZERO).days] = True
    return paid


def _days_since(paid: NDArray[np.bool_]) -> Floats:
    days = np.arange(DAYS)
    latest = np.maximum.accumulate(np.where(paid, days, -20))
    return (days - latest).astype(float)
