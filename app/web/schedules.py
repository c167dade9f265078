"""Pictures of schedules: where a strategy's retries fall, in numbers for an SVG.

Drawn here and not in the browser: the picture needs no script, and its table says the
same in words.
"""

from dataclasses import dataclass
from datetime import timedelta

from app.domain.local_time import in_words, zone_of
from app.domain.rehearsal import Rehearsal
from app.domain.steps import AskCustomer, GiveUp
from app.domain.window import WINDOW_DAYS

# Units of the drawing. Wide enough for 28 days, small enough that the letters stay
# readable when a phone shrinks it.
WIDTH, LEFT, RIGHT = 400.0, 10.0, 390.0
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Mark:
    """One retry: where it stands in the picture, and what the table says of it."""

    number: int
    x: float
    day: float  # since the first decline
    local: str
    reason: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that the template needs."""

    marks: tuple[Mark, ...]
    end_x: float  # where the window closes
    ticks: tuple[tuple[int, float], ...]
    ending: str
    zone: str


def drawing(rehearsal: Rehearsal) -> Drawing:
    """The picture of a rehearsed schedule."""
    case = rehearsal.case
    start, local = case.declined_at, zone_of(case)
    marks = tuple(
        Mark(
            number,
            _x(retry.at - start),
            (retry.at - start) / _DAY,
            in_words(retry.at, local),
            retry.reason,
        )
        for number, retry in enumerate(rehearsal.retries, start=1)
    )
    return Drawing(
        marks=marks,
        end_x=_x(case.deadline_at - start),
        ticks=tuple((day, _x(day * _DAY)) for day in range(0, WINDOW_DAYS + 1, 7)),
        ending=_ending(rehearsal),
        zone=local.name,
    )


def _x(after: timedelta) -> float:
    share = min(1.0, max(0.0, after / (WINDOW_DAYS * _DAY)))
    return round(LEFT + share * (RIGHT - LEFT), 1)


def _ending(rehearsal: Rehearsal) -> str:
    match rehearsal.ending:
        case AskCustomer(reason):
            return f"Then the customer is asked. {reason}"
        case GiveUp(reason):
            return f"Then it is given up. {reason}"
        case other:
            return other.reason
