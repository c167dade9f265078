"""Charts drawn on the server: figures in, shapes out. Templates only write them down.

Every chart stands beside its table, and no value is told by color alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.figures import Approval, Cohort

WIDTH = 640
BAR = 26
GAP = 8
LABEL = 190  # room for the words on the left
VALUE = 110  # and for the numbers on the right


@dataclass(frozen=True, slots=True)
class Piece:
    """One rectangle; `look` names its pattern."""

    x: float
    width: float
    look: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: its words, its pieces from left to right, and its number."""

    label: str
    y: int
    pieces: tuple[Piece, ...]
    value: str
    value_x: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of horizontal bars."""

    title: str
    bars: tuple[Bar, ...]

    @property
    def width(self) -> int:
        return WIDTH

    @property
    def height(self) -> int:
        return len(self.bars) * (BAR + GAP)

    @property
    def bar_height(self) -> int:
        return BAR

    @property
    def label_width(self) -> int:
        return LABEL


def cohort_chart(cohorts: Sequence[Cohort]) -> Chart:
    """Each month's recoveries as shares of all of them, by how they ended."""
    bars = [
        _bar(
            n,
            cohort.month,
            [
                (cohort.recovered / cohort.all, "recovered"),
                (cohort.elsewhere / cohort.all, "elsewhere"),
                (cohort.open / cohort.all, "open"),
                (cohort.lost / cohort.all, "lost"),
            ],
            f"{cohort.recovered / cohort.all:.0%}" + " so far" * bool(cohort.open),
        )
        for n, cohort in enumerate(cohorts)
        if cohort.all
    ]
    return Chart("How each month's declined renewals ended", tuple(bars))


def approval_chart(title: str, rows: Sequence[tuple[str, Approval]]) -> Chart:
    """How often retries were approved, one bar a row."""
    bars = [
        _bar(n, label, [(of.share, "recovered")], f"{of.share:.0%}")
        for n, (label, of) in enumerate(rows)
    ]
    return Chart(title, tuple(bars))


def count_chart(title: str, rows: Sequence[tuple[str, int]]) -> Chart:
    """How many, beside the largest of them."""
    largest = max((count for _, count in rows), default=0) or 1
    bars = [
        _bar(n, label, [(count / largest, "plain")], f"{count:,}")
        for n, (label, count) in enumerate(rows)
    ]
    return Chart(title, tuple(bars))


def _bar(n: int, label: str, shares: list[tuple[float, str]], value: str) -> Bar:
    room = WIDTH - LABEL - VALUE
    x, pieces = float(LABEL), []
    for share, look in shares:
        width = round(share * room, 1)
        if width:
            pieces.append(Piece(round(x, 1), width, look))
        x += width
    return Bar(label, n * (BAR + GAP), tuple(pieces), value, round(x + 8, 1))
