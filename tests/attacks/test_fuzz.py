"""A short run of `make fuzz`."""

from pathlib import Path

import pytest

from tests.attacks import fuzz

pytestmark = [pytest.mark.slow, pytest.mark.sqlite]


def test_whatever_comes_is_answered_and_never_5xx(tmp_path: Path) -> None:
    target = fuzz.under_fire(tmp_path)
    try:
        fuzz.fire(target, inputs=1_500, number=1)
    finally:
        fuzz.close(target)
    assert target.inputs.total() >= 1_500
    # Sound ones among them, or nothing behind the door would have been reached.
    assert target.answered["webhook 200"] > 50
    assert target.answered["page 200"] > 50
