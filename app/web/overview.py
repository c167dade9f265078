"""What came back and what was lost in a period: for the dashboard and the report."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.figures import Cell, PeriodFigures, period_figures
from app.domain.periods import Period, Span, period_of
from app.storage import figures as kept
from app.web.dashboard_charts import Shown, of_all_time, of_period
from app.web.question import Question, words_of


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures of a period, and charts with their tables."""

    period: Period
    figures: list[PeriodFigures]
    period_charts: list[Shown]
    all_time_charts: list[Shown]
    cells: list[Cell]  # all recoveries, as they stand

    @property
    def is_live(self) -> bool:
        """Whether anything may still change by itself."""
        return any(cell.is_open for cell in self.cells)


def asked_period(asked: Question, *, now: datetime) -> Period:
    """The period that an address asks for; the last 30 days where it asks for none."""
    word = asked.word("period", words_of(Span))
    return period_of(Span(word) if word else Span.MONTH, now=now)


def overview(
    session: Session, period: Period, *, accounts: frozenset[int] | None
) -> Overview:
    """All of it, from kept counts: a fixed number of queries."""
    cells = kept.cells(session, accounts=accounts)
    began = kept.began(session, period, accounts=accounts)
    ended = kept.ended(session, period, accounts=accounts)
    won = kept.won_by_retry(session, period, accounts=accounts)
    codes = kept.by_code(session, period, accounts=accounts)
    answers = kept.answers(session, accounts=accounts)
    return Overview(
        period,
        period_figures(now=cells, began=began, ended=ended),
        of_period(ended, codes, won, period=period),
        of_all_time(cells, answers),
        cells,
    )
