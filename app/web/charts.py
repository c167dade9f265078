"""Charts drawn on the server: figures in, shapes out. Templates only write them down.

Every chart stands beside its table, and no value is told by color alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.figures import Approval, Cohort

WIDTH = 640
BAR = 26
GAP = 8
LABEL = 225  # room for the words on the left
VALUE = 110  # and for the numbers on the right
AXIS = 110  # room for heights on the left of columns
TOP = 12  # air above the highest
COLUMNS = 180  # where columns stand
WORDS = 30  # room for the words below them
MOST_WORDS = 8


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


@dataclass(frozen=True, slots=True)
class Column:
    """A standing bar; `look` names its pattern."""

    x: float
    y: float
    width: float
    height: float
    look: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Words below the columns, or a height beside them."""

    x: float
    y: float
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class ColumnChart:
    """A chart of standing bars, two at each place."""

    title: str
    columns: tuple[Column, ...]
    marks: tuple[Mark, ...]

    @property
    def width(self) -> int:
        return WIDTH

    @property
    def height(self) -> int:
        return COLUMNS + WORDS

    @property
    def base(self) -> int:
        """Where the columns stand."""
        return COLUMNS


def column_chart(
    title: str, rows: Sequence[tuple[str, int, int]], *, top: str
) -> ColumnChart:
    """What was recovered beside what was lost, one place a row; `top` is the height of
    the highest in words."""
    highest = max((max(won, lost) for _, won, lost in rows), default=0) or 1
    place = (WIDTH - AXIS) / max(1, len(rows))
    width = min(24.0, place * 0.4)
    columns: list[Column] = []
    for n, (_, won, lost) in enumerate(rows):
        middle = AXIS + (n + 0.5) * place
        columns += _standing(middle - width, width, won / highest, "recovered")
        columns += _standing(middle, width, lost / highest, "lost")
    marks = [Mark(AXIS - 8, TOP + 5, top, "end"), Mark(AXIS - 8, COLUMNS, "0", "end")]
    every = -(-len(rows) // MOST_WORDS) if rows else 1
    for n, (label, _, _) in enumerate(rows):
        if n % every == 0:
            x = round(AXIS + (n + 0.5) * place, 1)
            marks.append(Mark(x, COLUMNS + 20, label.partition(" to ")[0], "middle"))
    return ColumnChart(title, tuple(columns), tuple(marks))


def _standing(x: float, width: float, share: float, look: str) -> list[Column]:
    height = round(share * (COLUMNS - TOP), 1)
    if not height:
        return []
    return [Column(round(x, 1), COLUMNS - height, round(width, 1), height, look)]


def cohort_chart(title: str, cohorts: Sequence[Cohort]) -> Chart:
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
    return Chart(title, tuple(bars))


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
