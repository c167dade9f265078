"""How long a renewal may be retried."""

from datetime import timedelta

import pytest

from app.domain.window import deadline
from tests.domain.builders import MONDAY, days


@pytest.mark.parametrize(
    ("next_billing", "cancel", "ends"),
    [
        # 28 days at most
        (None, None, 28),
        (365, None, 28),
        (31, None, 28),
        # two days before the next bill
        (30, None, 28),
        (29, None, 27),
        (14, None, 12),
        (7, None, 5),
        # the shortest plans keep half of their period
        (3, None, 1.5),
        (1, None, 0.5),
        # never after the subscription's end
        (31, 10, 10),
        (7, 6, 5),
        (None, 40, 28),
        (31, -1, -1),
    ],
)
def test_the_window_ends_with_whatever_comes_first(
    next_billing: float | None, cancel: float | None, ends: float
) -> None:
    found = deadline(
        MONDAY,
        next_billing_at=None if next_billing is None else MONDAY + days(next_billing),
        cancel_at=None if cancel is None else MONDAY + days(cancel),
    )
    assert found - MONDAY == days(ends)


def test_the_owner_may_choose_a_shorter_window() -> None:
    found = deadline(MONDAY, next_billing_at=None, cancel_at=None, window_days=10)
    assert found == MONDAY + timedelta(days=10)
