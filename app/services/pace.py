"""How fast charges may begin: evenly, not all at once.

Charges that begin together come back together, three times each, and everything else
in the process waits for them: pages, and webhooks that Stripe waits for.
"""

# Seconds whose charges may be saved up: a turn of the engine that took longer.
SAVED_UP = 0.2


class Pace:
    """Of one account. Moments are seconds of a clock that only goes on."""

    def __init__(self, per_second: float) -> None:
        self._go_at(per_second)
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

    def _go_at(self, per_second: float) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second * SAVED_UP)


# Seconds that a delivery may wait for the disk before charging slows down: with what
# comes before and after it, the answer then takes some 30 ms.
PATIENT_FOR = 0.02
SLOWER_BY = 0.7
# Charges that a second of undisturbed deliveries adds to the pace.
FASTER_BY = 10.0
# Seconds that charges begun before go on for: until then nothing can be seen of a new
# pace.
SEEN_AFTER = 0.5


class GivingWay(Pace):
    """Of all accounts together: charging gives way to deliveries that have to wait.

    One process computes one thing at a time. How much of it charging takes depends on
    the machine and the hour; how long deliveries wait is what tells.
    """

    def __init__(self, per_second: float, *, least: float) -> None:
        super().__init__(per_second)
        self._full, self._least = per_second, min(least, per_second)
        self._heard_at: float | None = None
        self._slowed_at = float("-inf")

    @property
    def per_second(self) -> float:
        """The pace now."""
        return self._per_second

    def heed(self, waited: float, *, at: float) -> None:
        """The delivery that waited longest since the last time waited so many
        seconds; 0 when none came."""
        since = 0.0 if self._heard_at is None else at - self._heard_at
        self._heard_at = at
        if waited <= PATIENT_FOR:
            self._go_at(min(self._full, self._per_second + since * FASTER_BY))
        elif at >= self._slowed_at + SEEN_AFTER:
            self._slowed_at = at
            self._go_at(max(self._least, self._per_second * SLOWER_BY))
