"""The words of bulk actions: what is done to many recoveries, and how far it is."""

from enum import StrEnum


class BulkAction(StrEnum):
    """What staff do to many recoveries at once."""

    PAUSE = "pause"
    RESUME = "resume"  # those that a person paused
    RETRY = "retry"  # bring the next charge forward
    STOP = "stop"


class BulkStatus(StrEnum):
    """How far a bulk action is."""

    CHECKING = "checking"  # which would be refused, and what it would cost
    PROPOSED = "proposed"  # waits for its maker to confirm it
    RUNNING = "running"
    FINISHED = "finished"
    CANCELED = "canceled"


class ItemState(StrEnum):
    """How one recovery of a bulk action stands."""

    UNCHECKED = "unchecked"
    READY = "ready"
    DONE = "done"
    SKIPPED = "skipped"


# The most recoveries in one bulk action: what a person can still look through, and of
# charges what an hour's work of the engine is.
MOST_AT_ONCE = {
    BulkAction.PAUSE: 2000,
    BulkAction.RESUME: 2000,
    BulkAction.STOP: 2000,
    BulkAction.RETRY: 500,
}
