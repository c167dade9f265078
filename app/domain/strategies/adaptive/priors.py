"""What is believed before a merchant's first closed case.

Directions are public, sizes are ours: paydays by the US Bureau of Labor Statistics'
survey of establishments (March 2013: weekly 32.4 %, biweekly 36.5 %, semimonthly
19.8 %, monthly 11.3 %); European salaries monthly and month-end heavy (common
knowledge); shares by code after the ranges that vendors publish, read as upper bounds.
"""

import numpy as np

from app.domain.strategies.adaptive import paydays
from app.domain.strategies.adaptive.hypotheses import CAUSES, SHARES, hypotheses
from app.domain.strategies.adaptive.paydays import Floats
from app.domain.strategies.adaptive.sight import FUNDINGS, REGIONS
from app.domain.strategies.adaptive.tempers import TEMPERS

# Rows: groups of codes as in sight.CODE_GROUPS. Columns: Cause. Shares of cases.
CAUSES_BY_CODE = (
    # payday, window, block, outage, limit, stale, never
    (0.50, 0.25, 0.02, 0.002, 0.018, 0.002, 0.208),  # no funds
    (0.22, 0.14, 0.24, 0.02, 0.04, 0.03, 0.31),  # do not honor
    (0.20, 0.13, 0.25, 0.03, 0.04, 0.03, 0.32),  # generic
    (0.05, 0.08, 0.07, 0.02, 0.60, 0.002, 0.178),  # velocity, limits
    (0.06, 0.05, 0.08, 0.68, 0.02, 0.01, 0.10),  # technical
    (0.02, 0.02, 0.02, 0.002, 0.002, 0.25, 0.686),  # expired
    (0.05, 0.05, 0.30, 0.002, 0.02, 0.03, 0.548),  # fraud
    (0.12, 0.12, 0.20, 0.05, 0.06, 0.05, 0.40),  # other
)
WEEKDAYS = np.array([0.08, 0.08, 0.12, 0.20, 0.44, 0.05, 0.03])
KINDS_US = (0.324, 0.365, 0.198, 0.113)
KINDS_ABROAD = (0.05, 0.05, 0.06, 0.84)
MONTH_DAYS = {1: 4.0, 5: 1.6, 10: 1.8, 15: 3.0, 20: 1.6, 25: 4.0, 26: 1.8, 27: 2.2}
MONTH_DAYS |= {28: 3.5, 31: 8.0}


def causes() -> Floats:
    """By context (code group, funding): credit fails less for want of pay."""
    table = np.repeat(np.array(CAUSES_BY_CODE), FUNDINGS, axis=0)
    table[::FUNDINGS, 0] *= 0.6
    return np.asarray(table / table.sum(axis=1, keepdims=True))


def shapes() -> Floats:
    """Even within each cause but payday, calendar-free windows less than steps."""
    h = hypotheses()
    simple = h.cause[len(h.table) :]
    counts = np.bincount(simple, minlength=CAUSES)
    return np.asarray(1.0 / counts[simple])


def schedules() -> Floats:
    """By region; an even fifth on every calendar, against confident error."""
    abroad, home = _schedules(KINDS_ABROAD), _schedules(KINDS_US)
    table = np.array([home, abroad, (home + abroad) / 2])
    assert len(table) == REGIONS
    return np.asarray(0.8 * table + 0.2 / table.shape[1])


def shares() -> Floats:
    """How long pay lasts among those who were declined: short more often than long."""
    return np.tile(np.array([0.28, 0.3, 0.26, 0.16]), (paydays.KINDS, 1))


def tempers() -> Floats:
    """Issuers take retries as they come until answers say otherwise.

    Six in a hundred are divided evenly over the others. With more, plans of few tries
    far apart looked best in windows of two weeks, where all tries of an even spread
    are close and nothing can contradict it: 2 points of invoices were lost.
    """
    rest = len(TEMPERS) - 1
    return np.array([0.94] + [0.06 / rest] * rest)


def effects() -> Floats:
    """Log-odds of hours, days, number and spacing of tries."""
    from app.domain.strategies.adaptive.effects import EXPECTED

    return EXPECTED.copy()


def hours_tried() -> Floats:
    """Answers by part of the day: none."""
    from app.domain.strategies.adaptive.effects import HOURS

    return np.zeros(HOURS)


def _schedules(kinds: tuple[float, ...]) -> Floats:
    found = paydays.schedules()
    weights = np.array([_within_kind(one) for one in found])
    by_kind = np.array([one.kind for one in found])
    for kind, share in enumerate(kinds):
        weights[by_kind == kind] *= share / weights[by_kind == kind].sum()
    return weights


def _within_kind(one: paydays.Schedule) -> float:
    match one.kind:
        case paydays.WEEKLY | paydays.BIWEEKLY:
            assert one.weekday is not None
            return float(WEEKDAYS[one.weekday])
        case paydays.SEMIMONTHLY:
            return 0.1 if one.days_of_month == (10, 20) else 0.45
        case _:
            return MONTH_DAYS.get((one.days_of_month or (0,))[0], 0.7)


assert len(SHARES) == 4
