"""The report as a PDF: the figures of a period with charts and tables.

It holds no text of customers. The PDF's own fonts know the letters of Western Europe
only, so what else may stand in it (names of accounts, codes of Stripe's) is spelled
with those or left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from app.domain.figures import PeriodFigures
from app.web.charts import Chart, ColumnChart
from app.web.dashboard_charts import Shown
from app.web.filters import exact_text
from app.web.overview import Overview

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus import Flowable

_PIECE = 64 * 1024
_INK, _QUIET, _LINE = "#1b1f27", "#566072", "#c5cad4"
# Fill, stroke and dashes of each kind of piece: told apart without color.
_LOOKS: dict[str, tuple[str | None, str, tuple[int, ...]]] = {
    "recovered": ("#116149", "#116149", ()),
    "elsewhere": (None, "#116149", (4, 2)),
    "open": (None, "#1f4cb0", (1, 2)),
    "lost": (None, "#566072", ()),
    "plain": ("#2b4fc7", "#2b4fc7", ()),
}


@dataclass(frozen=True, slots=True)
class Accounts:
    """Whose figures these are: each account's name, id and mode."""

    told: tuple[tuple[str, str, bool], ...]  # name, Stripe's id, live

    def lines(self) -> list[str]:
        """One line each; the name where the fonts can spell it."""
        return [
            f"{name} ({id}), {'live' if livemode else 'test mode'}"
            if name and _is_spelled(name)
            else f"{id}, {'live' if livemode else 'test mode'}"
            for name, id, livemode in self.told
        ]


def pieces(
    of: Overview, accounts: Accounts, *, zone: str, now: datetime
) -> Iterator[bytes]:
    """The file, piece by piece; its directory comes last, so it is whole before."""
    # Imported when somebody asks: it takes 7 MB of a process meant for 120.
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate

    footer = f"Metricsco, {of.period.words}"
    with TemporaryFile() as file:
        document = SimpleDocTemplate(
            file,
            pagesize=A4,
            title=f"Recovered payments, {of.period.words}",
            author="Metricsco",
            leftMargin=50,
            rightMargin=50,
            topMargin=50,
            bottomMargin=60,
        )

        def foot(canvas: "Canvas", _document: Any) -> None:
            canvas.setFont("Helvetica", 8)
            canvas.setFillColor(_QUIET)
            canvas.drawString(50, 34, footer)
            canvas.drawRightString(A4[0] - 50, 34, f"Page {canvas.getPageNumber()}")

        story = _story(of, accounts, zone=zone, now=now)
        document.build(story, onFirstPage=foot, onLaterPages=foot)
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece


def _story(
    of: Overview, accounts: Accounts, *, zone: str, now: datetime
) -> "list[Flowable]":
    lines = [
        *accounts.lines(),
        "Days are whole days in UTC.",
        f"Made {exact_text(now)}, in the time zone {zone}.",
    ]
    told = [_text("Recovered payments", 18, bold=True), _text(of.period.words, 13)]
    told += [_text(line, 9, quiet=True) for line in lines]
    for figures in of.figures:
        told += [_text(f"In {figures.currency.upper()}", 13, bold=True)]
        told += [_table(("", "Money", "Renewals", "Which"), _figures(figures))]
    if not of.figures:
        told += [_text("No renewal was declined.", 11)]
    told += _charts(of.period.words, of.period_charts)
    return told + _charts("All time", of.all_time_charts)


def _figures(of: PeriodFigures) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [
        ("At risk now", of.at_risk.money, of.at_risk.count, "open, whenever it began"),
        ("First declined", of.declined.money, of.declined.count, "in these days"),
        (
            "Recovered",
            of.recovered.money,
            of.recovered.count,
            "by our retries, before refunds",
        ),
        ("Lost", of.lost.money, of.lost.count, "given up, stopped or canceled"),
        ("Paid elsewhere", of.elsewhere.money, of.elsewhere.count, "not by a retry"),
    ]
    rate = of.rate
    if rate.low is not None and rate.high is not None:
        share = f"{rate.low:.1%}"
        which = "of those first declined in these days"
        if rate.open:
            share = f"{rate.low:.0%} to {rate.high:.0%}"
            which += f"; {rate.open:,} still open"
        rows.append(("Recovery rate", share, f"{rate.recovered} of {rate.all}", which))
    return rows


def _charts(heading: str, charts: list[Shown]) -> "list[Flowable]":
    from reportlab.platypus import KeepTogether

    told: list[Flowable] = [_text(heading, 14, bold=True)] if charts else []
    for shown in charts:
        head = [_text(shown.chart.title, 11, bold=True)]
        if shown.note:
            head.append(_text(shown.note, 9, quiet=True))
        told.append(KeepTogether([*head, _picture(shown.chart)]))
        told.append(_table(shown.heads, shown.rows))
    return told


def _text(
    text: str, size: int, *, bold: bool = False, quiet: bool = False
) -> "Flowable":
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph

    style = ParagraphStyle(
        "text",
        fontName="Helvetica-Bold" if bold else "Helvetica",
        fontSize=size,
        leading=size * 1.35,
        spaceBefore=size * 0.8 if bold else 0,
        spaceAfter=3,
        textColor=HexColor(_QUIET if quiet else _INK),
        keepWithNext=int(bold),
    )
    return Paragraph(escape(_spelled(text)), style)


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> "Flowable":
    from reportlab.platypus import Table, TableStyle

    told = [list(heads), *([_cell(value) for value in row] for row in rows)]
    table = Table(told, repeatRows=1, hAlign="LEFT", spaceBefore=4, spaceAfter=10)
    table.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (-1, -1), "Helvetica", 9),
                ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 9),
                ("TEXTCOLOR", (0, 0), (-1, -1), _INK),
                ("TEXTCOLOR", (0, 0), (-1, 0), _QUIET),
                ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.5, _LINE),
                ("TOPPADDING", (0, 0), (-1, -1), 2),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
            ]
        )
    )
    return table


def _picture(chart: Chart | ColumnChart) -> "Flowable":
    from reportlab.graphics.shapes import Drawing

    drawing = Drawing(chart.width * _SCALE, chart.height * _SCALE)
    drawing.scale(_SCALE, _SCALE)
    shapes = _columns(chart) if isinstance(chart, ColumnChart) else _bars(chart)
    for shape in shapes:
        drawing.add(shape)
    return drawing


_SCALE = 0.75  # from the pixels of the page to the points of the paper


def _bars(chart: Chart) -> list[Any]:
    told = []
    for bar in chart.bars:
        below = chart.height - bar.y - chart.bar_height
        words = below + chart.bar_height - 18
        told.append(_words(chart.label_width - 10, words, bar.label, "end"))
        told += [
            _rectangle(piece.x, below, piece.width, chart.bar_height, piece.look)
            for piece in bar.pieces
        ]
        told.append(_words(bar.value_x, words, bar.value, "start"))
    return told


def _columns(chart: ColumnChart) -> list[Any]:
    told = [
        _rectangle(
            column.x,
            chart.height - column.y - column.height,
            column.width,
            column.height,
            column.look,
        )
        for column in chart.columns
    ]
    return told + [
        _words(mark.x, chart.height - mark.y, mark.text, mark.anchor)
        for mark in chart.marks
    ]


def _rectangle(x: float, y: float, width: float, height: float, look: str) -> Any:
    from reportlab.graphics.shapes import Rect
    from reportlab.lib.colors import HexColor

    fill, stroke, dashes = _LOOKS[look]
    shape: Any = Rect(x, y, width, height)
    shape.fillColor = HexColor(fill) if fill else None
    shape.strokeColor = HexColor(stroke)
    shape.strokeWidth = 1
    shape.strokeDashArray = list(dashes) or None
    return shape


def _words(x: float, y: float, text: str, anchor: str) -> Any:
    from reportlab.graphics.shapes import String
    from reportlab.lib.colors import HexColor

    shape: Any = String(x, y, _spelled(text))
    shape.textAnchor = anchor
    shape.fontName = "Helvetica"
    shape.fontSize = 12
    shape.fillColor = HexColor(_INK)
    return shape


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return _spelled(str(value))


def _is_spelled(text: str) -> bool:
    return _spelled(text) == text


def _spelled(text: str) -> str:
    """`text` in the letters that the fonts have; a question mark for any other."""
    known = text.encode("cp1252", "replace").decode("cp1252")
    return "".join(letter if letter.isprintable() else "?" for letter in known)
