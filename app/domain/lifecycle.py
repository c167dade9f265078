"""The lifecycle status of a subscription: Stripe's status retold for people."""

from enum import StrEnum


class Lifecycle(StrEnum):
    """Where a subscription stands, in the words staff use."""

    CREATED = "created"  # first paid for
    IN_TRIAL = "in_trial"
    CONVERTED = "converted"  # first recurring payment after trial or first purchase
    IN_RETRY = "in_retry"  # a declined renewal is being retried
    ACTIVATED = "activated"  # a recurring payment approved after trouble
    TERMINATED = "terminated"  # no more retries
    SUSPENDED = "suspended"  # paused at Stripe
    CANCELLED = "cancelled"
    EXPIRED = "expired"
