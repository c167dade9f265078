"""Whether a change passes depends on the change, not on the run."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def drawn() -> list[int]:
    """What Hypothesis gives to a test."""
    numbers: list[int] = []

    @given(st.integers(0, 10**9))
    def draw(number: int) -> None:
        numbers.append(number)

    draw()
    return numbers


def test_every_run_draws_the_same_whatever_was_loaded_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if settings.get_current_profile_name() != "gate":
        pytest.skip("a search draws afresh")
    before = drawn()
    full_of_numbers = ModuleType("full_of_numbers")
    full_of_numbers.__file__ = str(tmp_path / "full_of_numbers.py")
    (tmp_path / "full_of_numbers.py").write_text(f"x = {list(range(10_000, 10_400))}")
    monkeypatch.setitem(sys.modules, "full_of_numbers", full_of_numbers)
    assert drawn() == before
    assert len(before) == 200
