"""The workbook: opens as a spreadsheet, holds every row, and nothing is a formula."""

import io
from collections.abc import Iterator
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient

from app.web import spreadsheet
from app.web.spreadsheet import Cell, workbook
from tests.builders import a_decline, a_subscription

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def _parsed(part: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(part)  # noqa: S314  we wrote it ourselves


def _sheets(file: bytes) -> list[list[list[str]]]:
    with ZipFile(io.BytesIO(file)) as package:
        assert package.testzip() is None
        for name in package.namelist():
            _parsed(package.read(name))  # every part is well-formed
        names = sorted(n for n in package.namelist() if "worksheets/sheet" in n)
        roots = [_parsed(package.read(name)) for name in names]
    return [
        [["".join(cell.itertext()) for cell in row] for row in root.iter(f"{MAIN}row")]
        for root in roots
    ]


def _written(rows: list[list[Cell]]) -> bytes:
    return b"".join(workbook(["a", "b"], rows))


def test_every_export_is_there_as_a_workbook(viewer: FlaskClient) -> None:
    made = a_subscription(customer_name="=1+1", amount=1900)
    a_decline()
    for address in ("/subscriptions.xlsx", "/declines.xlsx", "/attempts.xlsx"):
        answer = viewer.get(address)
        assert answer.status_code == 200
        assert "spreadsheetml" in str(answer.mimetype)
        assert _sheets(answer.data)
    (rows,) = _sheets(viewer.get("/subscriptions.xlsx").data)
    held = next(row for row in rows if row[0] == made.stripe_subscription_id)
    assert "1900" in held
    assert "=1+1" in held  # a text: no formula, and no quote before it either


def test_a_text_is_never_a_formula() -> None:
    file = _written([["=HYPERLINK(1)", 5]])
    with ZipFile(io.BytesIO(file)) as package:
        sheet = package.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert 't="inlineStr"' in sheet


@pytest.mark.parametrize("odd", ["\x00\x0b\ufffe", "]]>&<x>", "x" * 40_000, "\u202e👩"])
def test_an_odd_text_spoils_no_workbook(odd: str) -> None:
    (rows,) = _sheets(_written([[odd, None]]))
    assert rows[0] == ["a", "b"]
    assert len(rows[1][0]) <= 32_767


def test_too_many_rows_for_one_sheet_go_on_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 3)
    sheets = _sheets(_written([[str(n), n] for n in range(5)]))
    assert [len(sheet) for sheet in sheets] == [3, 3, 2]
    assert [row[0] for sheet in sheets for row in sheet[1:]] == list("01234")


def test_no_rows_are_a_sheet_with_its_heading() -> None:
    assert _sheets(_written([])) == [[["a", "b"]]]


def test_a_workbook_leaves_while_it_is_written() -> None:
    """Who waits for a million rows would otherwise see nothing for half a minute."""
    read = 0

    def rows() -> Iterator[list[Cell]]:
        nonlocal read
        for read in range(100_000):
            yield [f"{read * 7919 % 1_000_003:x}", read]

    pieces = workbook(["a", "b"], rows())
    next(pieces)
    next(pieces)
    assert read < 10_000
