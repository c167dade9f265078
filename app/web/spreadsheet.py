"""Rows as an Excel workbook (Office Open XML), handed on while it is written.

Texts are inline strings: no spreadsheet takes them for formulas, whatever they begin
with, and nothing has to be collected before it is written. A workbook is a ZIP, whose
directory comes last and whose parts may tell their length behind themselves.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import IO, cast
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

# https://support.microsoft.com/office, "Excel specifications and limits" (2026-11).
MOST_ROWS = 1_048_576
MOST_CHARACTERS = 32_767

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
# What XML 1.0 cannot hold at all.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Most texts, which can stand as they are.
_PLAIN = re.compile(r"[\w @.:+-]{0,1000}", re.ASCII)
_TOGETHER = 200  # rows in one call of the compressor

Cell = str | int | float | None


class _Outlet:
    """A file that keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing waits elsewhere."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def workbook(heading: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """One sheet, or more when the rows are too many for one; each has the heading."""
    rest, sheets, outlet = iter(rows), 0, _Outlet()
    file = cast(IO[bytes], outlet)
    with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=1) as package:
        first: Sequence[Cell] | None = next(rest, None)
        while first is not None or sheets == 0:
            sheets += 1
            ahead = [] if first is None else [first]
            part = chain([heading], ahead, islice(rest, MOST_ROWS - 2))
            with package.open(f"xl/worksheets/sheet{sheets}.xml", "w") as sheet:
                for text in _sheet(part):
                    sheet.write(text.encode())
                    if piece := outlet.taken():
                        yield piece
            first = next(rest, None)
        for name, text in _frame(sheets).items():
            package.writestr(name, _HEAD + text)
    yield outlet.taken()


def _sheet(rows: Iterator[Sequence[Cell]]) -> Iterator[str]:
    yield f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'
    while some := list(islice(rows, _TOGETHER)):
        yield "".join([f"<row>{''.join(map(_cell, row))}</row>" for row in some])
    yield "</sheetData></worksheet>"


def _cell(value: Cell) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        text = value if _PLAIN.fullmatch(value) else _made_plain(value)
        return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def _made_plain(text: str) -> str:
    return escape(_UNWRITABLE.sub("", text)[:MOST_CHARACTERS])


def _frame(sheets: int) -> dict[str, str]:
    """The parts that hold a workbook together."""
    numbers = range(1, sheets + 1)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" '
        f'ContentType="{kind}.worksheet+xml"/>'
        for n in numbers
    )
    names = "".join(
        f'<sheet name="Sheet {n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" '
        f'Target="worksheets/sheet{n}.xml"/>'
        for n in numbers
    )
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/xl/workbook.xml" '
        f'ContentType="{kind}.sheet.main+xml"/>{overrides}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
        f"<sheets>{names}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/'
        f'relationships">{links}</Relationships>',
    }
