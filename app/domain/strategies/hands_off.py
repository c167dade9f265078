"""Hands off: plan nothing and watch, for a merchant who wants to look first."""

from datetime import datetime

from app.domain.cases import Case
from app.domain.steps import Observe, Step

WATCHES = Observe("The strategy is hands off: nothing is charged, only watched.")


class HandsOff:
    """Never charges anything."""

    name = "hands-off"
    version = "1"

    def next_step(self, case: Case, *, now: datetime) -> Step:
        """Nothing to do."""
        return WATCHES
