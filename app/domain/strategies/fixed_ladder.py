"""Fixed ladder: tries 1, 3, 5 and 7 days after the first decline.

What many billing systems do out of the box; kept to be compared with.
"""

from datetime import datetime, timedelta

from app.domain.cases import Case
from app.domain.steps import GiveUp, RetryAt, Step

RUNGS = (timedelta(days=1), timedelta(days=3), timedelta(days=5), timedelta(days=7))


class FixedLadder:
    """The same four tries for everyone, at the hour of the first decline."""

    name = "fixed-ladder"
    version = "1"

    def next_step(self, case: Case, *, now: datetime) -> Step:
        """The rung after as many as we have made; a missed one is made up for."""
        if case.retries >= len(RUNGS):
            return GiveUp("All four tries of the ladder (days 1, 3, 5, 7) were made.")
        rung = RUNGS[case.retries]
        return RetryAt(
            max(case.declined_at + rung, now),
            f"Try {case.retries + 1} of {len(RUNGS)}: the ladder's rung of day "
            f"{rung.days} after the first decline.",
        )
