"""How fast the charges of one account may begin: evenly, not all at once.

Charges that begin together come back together, three times each, and everything else
in the process waits for them: pages, and webhooks that Stripe waits for.
"""

# Seconds whose charges may be saved up: a turn of the engine that took longer.
SAVED_UP = 0.2


class Pace:
    """Of one account. Moments are seconds of a clock that only goes on."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second * SAVED_UP)
        self._saved = self._most
        self._at: float | None = None

    def room(self, *, at: float) -> int:
        """How many may begin at this moment."""
        if self._at is not None:
            self._saved += (at - self._at) * self._per_second
        self._saved, self._at = min(self._saved, self._most), at
        return int(self._saved)

    def begin(self, how_many: int) -> None:
        """So many of them begin."""
        self._saved -= how_many
