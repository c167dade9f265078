"""Why a charge fails and when that ends: the hypotheses, each a curve over time.

Seven causes. `payday` is a table of calendars times how long pay lasts; the others
are steps and windows counted from the first decline, or resets of the calendar.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.domain.strategies.adaptive import paydays
from app.domain.strategies.adaptive.paydays import Floats

Ints = NDArray[np.int64]


class Cause(IntEnum):
    """What stands behind a refusal."""

    PAYDAY = 0  # no money until the next payday
    WINDOW = 1  # money comes and goes by no calendar
    BLOCK = 2  # the issuer's suspicion lapses
    OUTAGE = 3
    LIMIT = 4  # resets at midnight, on Monday or on the 1st
    STALE = 5  # the card was replaced; an updater brings the new one
    NEVER = 6


CAUSES = len(Cause)
FAR = 1000.0
SHARES = (0.1, 0.25, 0.5, 0.8)  # of a pay cycle during which there is money
OPEN, SHUT = 0.93, 0.015  # chance of approval in a good and in a bad hour
# Single windows: (days open, openings); money that comes back: (every, days open).
WINDOWS = ((4.0, 14), (1.6, 18))
RETURNS = ((9.0, 1.8), (14.0, 2.6), (22.0, 3.4))
PHASE = 1.5  # days between the openings of neighbouring hypotheses
STEPS = (0.5, 1.5, 3.0, 6.0, 10.0, 16.0)
CONSTANT = (0.03, 0.08, 0.2, 0.4)
FADING = ((3.0, 0.35), (7.0, 0.3), (14.0, 0.2))  # days that a chance lasts, the chance
BLOCK_STEPS = (0.25, 1.0, 2.0, 4.0, 7.0, 12.0, 18.0)
OUTAGE_STEPS = (0.04, 0.17, 0.6, 2.0)
STALE_STEPS = (1.5, 4.0, 8.0, 14.0, 21.0)
# (which reset, days until the limit is used up again)
RESETS = (
    *(("day", 0.5), ("day", 1.0)),
    *(("week", 2.0), ("week", 5.0), ("week", 7.0)),
    *(("month", 6.0), ("month", 14.0), ("month", 31.0)),
)


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """All of them, as arrays of one entry a hypothesis, payday calendars first.

    `shape` numbers the hypotheses within their cause; `usual` is the mean chance over
    the calendar, by which a decline's own evidence is weighed.
    """

    cause: Ints
    shape: Ints
    schedule: Ints  # of payday hypotheses only
    share: Ints
    usual: Floats
    table: NDArray[np.float32]  # payday hypotheses by day
    offsets: Floats  # steps and windows: opening and closing, in days
    closings: Floats
    constants: Floats
    periods: Floats  # the window comes back after so many days
    heights: Floats  # chance while open

    def __len__(self) -> int:
        return len(self.cause)


@lru_cache(maxsize=1)
def hypotheses() -> Hypotheses:
    """Built once in a process: some 10 MB."""
    schedules = paydays.schedules()
    shares = len(SHARES)
    calendars = len(schedules) * shares
    opens, closes, constants, periods, heights, causes, shapes = _simple()
    cause = np.concatenate([np.zeros(calendars, dtype=int), causes])
    table = _table()
    usual = np.concatenate([table.mean(axis=1), np.zeros(len(causes))])
    return Hypotheses(
        cause=cause,
        shape=np.concatenate([np.arange(calendars), shapes]),
        schedule=np.repeat(np.arange(len(schedules)), shares),
        share=np.tile(np.arange(shares), len(schedules)),
        usual=usual,
        table=table,
        offsets=opens,
        closings=closes,
        constants=constants,
        periods=periods,
        heights=heights,
    )


def _table() -> NDArray[np.float32]:
    schedules = paydays.schedules()
    shape = (len(schedules), len(SHARES), paydays.DAYS)
    table = np.empty(shape, dtype=np.float32)
    for number, since in enumerate(paydays.days_since_pay()):
        cycle = paydays.CYCLE_DAYS[schedules[number].kind]
        for part, share in enumerate(SHARES):
            lasts = max(1.0, share * cycle)
            # Pay lasts longer in some months than in others: a soft edge.
            edge = (lasts - 0.5 - since) / (0.35 + 0.15 * lasts)
            inside = 1 / (1 + np.exp(-np.clip(2 * edge, -40, 40)))
            table[number, part] = SHUT + (OPEN - SHUT) * inside
    return table.reshape(-1, paydays.DAYS)


def _simple() -> tuple[Floats, Floats, Floats, Floats, Floats, Ints, Ints]:
    """The curves of all but the calendars, column by column, causes and shapes last."""
    rows = [(*row, OPEN, Cause.WINDOW) for row in _windows()]
    rows += [(0.0, lasts, SHUT, FAR, at, Cause.WINDOW) for lasts, at in FADING]
    steps = [(Cause.BLOCK, BLOCK_STEPS), (Cause.OUTAGE, OUTAGE_STEPS)]
    for cause, starts in steps:
        rows += [(at, FAR, SHUT, FAR, OPEN, cause) for at in starts]
    rows += [(FAR, FAR, SHUT, FAR, OPEN, Cause.LIMIT) for _ in RESETS]
    rows += [(at, FAR, SHUT, FAR, OPEN, Cause.STALE) for at in STALE_STEPS]
    rows += [(FAR, FAR, 0.003, FAR, OPEN, Cause.NEVER)]
    table = np.array(rows, dtype=float)
    causes = table[:, 5].astype(int)
    shapes = [int((causes[:n] == cause).sum()) for n, cause in enumerate(causes)]
    columns = (table[:, number] for number in range(5))
    opens, closes, constants, periods, heights = columns
    return opens, closes, constants, periods, heights, causes, np.array(shapes)


def _windows() -> list[tuple[float, float, float, float]]:
    """Opening, closing, chance while shut, period of money without a calendar."""
    rows = []
    for lasts, count in WINDOWS:
        for number in range(count):
            start = 0.2 + PHASE * number * 18 / count
            rows.append((start, start + lasts, SHUT, FAR))
    for every, lasts in RETURNS:
        for number in range(int(every / PHASE)):
            start = 0.2 + PHASE * number
            rows.append((start, start + lasts, SHUT, every))
    rows += [(at, FAR, SHUT, FAR) for at in STEPS]
    return rows + [(FAR, FAR, chance, FAR) for chance in CONSTANT]
