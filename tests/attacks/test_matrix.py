"""A part of `make faults`: all faults of the charge, and of each other call a few."""

from pathlib import Path

import pytest

from tests.attacks import matrix
from tests.databases import make_tables

pytestmark = [pytest.mark.slow, pytest.mark.sqlite]

CHARGE = "pay, approved"


def chosen() -> list[matrix.Cell]:
    """Going through the faults from story to story, each fault meets some calls."""
    cells = matrix.cells()
    of_charge = [cell for cell in cells if cell[0].name == CHARGE]
    others = [cell for cell in cells if cell[0].name != CHARGE]
    return of_charge + others[::29]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file: Path = tmp_path_factory.mktemp("matrix") / "template.db"
    make_tables(f"sqlite:///{file}")
    return file


@pytest.mark.parametrize(
    "cell", chosen(), ids=lambda cell: f"{cell[0].name} / {cell[1].name}"
)
def test_the_fault_costs_nothing_and_doubles_nothing(
    cell: matrix.Cell, template: Path
) -> None:
    assert matrix.play(cell, template) == []
