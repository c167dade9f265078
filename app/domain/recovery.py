"""The states of a recovery and of its attempts, and what may follow what."""

from enum import StrEnum

# Every idempotency key of ours begins so: events tell by it which charges we made.
OUR_KEYS_BEGIN = "metricsco-"


class RecoveryStatus(StrEnum):
    """Where the effort to collect one declined renewal invoice stands."""

    IN_RETRY = "in_retry"
    WAITING_FOR_CUSTOMER = "waiting_for_customer"
    PAUSED = "paused"
    RECOVERED = "recovered"  # our retry's charge paid it
    TERMINATED = "terminated"  # the strategy gave up
    STOPPED = "stopped"  # a person did
    CLOSED = "closed"  # ended elsewhere: paid, voided, canceled, disconnected


class PauseCause(StrEnum):
    """Why a recovery is paused, which decides what resumes it."""

    PERSON = "person"  # a person resumes it
    STRIPE_RETRIES = "stripe_retries"  # Stripe is about to charge; then we take over
    PAUSED_AT_STRIPE = "paused_at_stripe"  # collection is paused there
    SETTLING = "settling"  # somebody's payment was accepted, its money is on the way
    OBSERVING = "observing"  # the strategy only watches


class ClosedAs(StrEnum):
    """How a closed recovery ended elsewhere."""

    PAID_ELSEWHERE = "paid_elsewhere"  # by the customer, staff or Stripe: not lost
    VOIDED = "voided"
    UNCOLLECTIBLE = "uncollectible"
    CANCELED = "canceled"  # the subscription was canceled at Stripe
    DISCONNECTED = "disconnected"  # the account was
    SENT = "sent"  # the customer pays by hand now; nobody knows yet whether they do


class AttemptStatus(StrEnum):
    """Where one planned or made charge stands."""

    SCHEDULED = "scheduled"
    RUNNING = "running"  # claimed; Stripe may have been asked
    UNKNOWN = "unknown"  # Stripe gave no answer: to be asked before anything else
    PROCESSING = "processing"  # accepted, money not there yet (bank debits)
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    CANCELED = "canceled"  # never charged: withdrawn before its time


OPEN = frozenset(
    {
        RecoveryStatus.IN_RETRY,
        RecoveryStatus.WAITING_FOR_CUSTOMER,
        RecoveryStatus.PAUSED,
    }
)
ENDED = frozenset(RecoveryStatus) - OPEN
# Stripe may be charging at this moment, or may have charged: its answer comes first.
IN_FLIGHT = frozenset({AttemptStatus.RUNNING, AttemptStatus.UNKNOWN})

# A recovery that gave up or was stopped may still be paid by the customer (closed) or
# be taken up again by a person or a new card. A charge that was under way when it
# ended may still bring the money. Beyond that, what has ended stays so.
_MAY_FOLLOW: dict[RecoveryStatus, frozenset[RecoveryStatus]] = {
    **dict.fromkeys(OPEN, frozenset(RecoveryStatus)),
    RecoveryStatus.TERMINATED: frozenset(
        {RecoveryStatus.IN_RETRY, RecoveryStatus.CLOSED, RecoveryStatus.RECOVERED}
    ),
    RecoveryStatus.STOPPED: frozenset(
        {RecoveryStatus.IN_RETRY, RecoveryStatus.CLOSED, RecoveryStatus.RECOVERED}
    ),
    RecoveryStatus.CLOSED: frozenset({RecoveryStatus.RECOVERED}),
    RecoveryStatus.RECOVERED: frozenset(),
}

_ATTEMPT_MAY_FOLLOW: dict[AttemptStatus, frozenset[AttemptStatus]] = {
    AttemptStatus.SCHEDULED: frozenset({AttemptStatus.RUNNING, AttemptStatus.CANCELED}),
    # Back to scheduled only when Stripe says that no charge was made.
    AttemptStatus.RUNNING: frozenset(AttemptStatus) - {AttemptStatus.RUNNING},
    AttemptStatus.UNKNOWN: frozenset(AttemptStatus) - {AttemptStatus.UNKNOWN},
    AttemptStatus.PROCESSING: frozenset(
        {AttemptStatus.SUCCEEDED, AttemptStatus.DECLINED, AttemptStatus.CANCELED}
    ),
    AttemptStatus.SUCCEEDED: frozenset(),
    AttemptStatus.DECLINED: frozenset(),
    AttemptStatus.CANCELED: frozenset(),
}


class MoveRefused(ValueError):
    """A status was about to follow one that it may not follow."""


def move(old: RecoveryStatus, new: RecoveryStatus) -> RecoveryStatus:
    """`new`, when it may follow `old`; staying in an open status is allowed."""
    if new not in _MAY_FOLLOW[old]:
        raise MoveRefused(f"a recovery that is {old} cannot become {new}")
    return new


def move_attempt(old: AttemptStatus, new: AttemptStatus) -> AttemptStatus:
    """`new`, when it may follow `old`."""
    if new not in _ATTEMPT_MAY_FOLLOW[old]:
        raise MoveRefused(f"an attempt that is {old} cannot become {new}")
    return new
