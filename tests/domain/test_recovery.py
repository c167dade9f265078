"""What may follow what, for a recovery and for an attempt: every pair."""

from itertools import product

import pytest

from app.domain.recovery import (
    ENDED,
    OPEN,
    AttemptStatus,
    MoveRefused,
    RecoveryStatus,
    move,
    move_attempt,
)

RECOVERY = {
    # open: may go anywhere, and stay
    "in_retry": {*RecoveryStatus},
    "waiting_for_customer": {*RecoveryStatus},
    "paused": {*RecoveryStatus},
    # given up or stopped: taken up again, or paid elsewhere, or by a charge of ours
    # that was under way
    "terminated": {"in_retry", "closed", "recovered"},
    "stopped": {"in_retry", "closed", "recovered"},
    "closed": {"recovered"},
    # over for good
    "recovered": set(),
}
ATTEMPT = {
    "scheduled": {"running", "canceled"},
    "running": {
        *("scheduled", "unknown", "processing", "succeeded", "declined", "canceled"),
    },
    "unknown": {
        *("scheduled", "running", "processing", "succeeded", "declined", "canceled"),
    },
    "processing": {"succeeded", "declined", "canceled"},
    "succeeded": set(),
    "declined": set(),
    "canceled": set(),
}


def test_every_status_is_open_or_ended_and_in_the_tables() -> None:
    assert OPEN | ENDED == set(RecoveryStatus) == set(RECOVERY)
    assert not OPEN & ENDED
    assert set(ATTEMPT) == set(AttemptStatus)


@pytest.mark.parametrize(("old", "new"), [*product(RecoveryStatus, repeat=2)])
def test_a_recovery_moves_only_as_the_table_says(
    old: RecoveryStatus, new: RecoveryStatus
) -> None:
    if new in RECOVERY[old]:
        assert move(old, new) is new
    else:
        with pytest.raises(MoveRefused, match=f"{old} cannot become {new}"):
            move(old, new)


@pytest.mark.parametrize(("old", "new"), [*product(AttemptStatus, repeat=2)])
def test_an_attempt_moves_only_as_the_table_says(
    old: AttemptStatus, new: AttemptStatus
) -> None:
    if new in ATTEMPT[old]:
        assert move_attempt(old, new) is new
    else:
        with pytest.raises(MoveRefused, match=f"{old} cannot become {new}"):
            move_attempt(old, new)
