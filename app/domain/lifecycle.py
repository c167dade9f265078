"""The lifecycle status of a subscription: Stripe's status retold for people."""

from enum import StrEnum

from app.domain.recovery import MoveRefused


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


class LifecycleFact(StrEnum):
    """What happened to a subscription, as far as its lifecycle status goes."""

    CREATED_PAID = "created_paid"  # the first invoice was paid
    TRIAL_STARTED = "trial_started"
    RENEWAL_PAID = "renewal_paid"  # by whomever and however
    RENEWAL_DECLINED = "renewal_declined"  # a recovery opened, or opened again
    RETRIES_ENDED = "retries_ended"  # the recovery was terminated or stopped
    PAUSED = "paused"  # at Stripe
    RESUMED = "resumed"  # at Stripe
    CANCELED = "canceled"
    # Ended by itself: never paid for the first time, or its agreed end came.
    EXPIRED = "expired"


_L, _F = Lifecycle, LifecycleFact

# What may follow what; a pair that is absent is refused. None: seen for the first
# time, so the past is unknown and each fact is believed.
_NEXT: dict[Lifecycle | None, dict[LifecycleFact, Lifecycle]] = {
    None: {
        _F.CREATED_PAID: _L.CREATED,
        _F.TRIAL_STARTED: _L.IN_TRIAL,
        _F.RENEWAL_PAID: _L.CONVERTED,  # no trouble is known of
        _F.RENEWAL_DECLINED: _L.IN_RETRY,
        _F.RETRIES_ENDED: _L.TERMINATED,  # given up at once: a card that never works
        _F.PAUSED: _L.SUSPENDED,
        _F.CANCELED: _L.CANCELLED,
        _F.EXPIRED: _L.EXPIRED,
    },
    _L.CREATED: {
        _F.CREATED_PAID: _L.CREATED,  # the same news twice
        _F.TRIAL_STARTED: _L.IN_TRIAL,  # a trial given later
        _F.RENEWAL_PAID: _L.CONVERTED,
        _F.RENEWAL_DECLINED: _L.IN_RETRY,
        _F.RETRIES_ENDED: _L.TERMINATED,
        _F.PAUSED: _L.SUSPENDED,
        _F.CANCELED: _L.CANCELLED,
        _F.EXPIRED: _L.EXPIRED,
    },
    _L.IN_TRIAL: {
        _F.CREATED_PAID: _L.IN_TRIAL,  # a set-up fee, or the invoice over nothing
        _F.TRIAL_STARTED: _L.IN_TRIAL,
        _F.RENEWAL_PAID: _L.CONVERTED,
        _F.RENEWAL_DECLINED: _L.IN_RETRY,
        _F.RETRIES_ENDED: _L.TERMINATED,
        _F.PAUSED: _L.SUSPENDED,  # Stripe pauses a trial that ends without a card
        _F.CANCELED: _L.CANCELLED,
        _F.EXPIRED: _L.EXPIRED,
    },
    _L.CONVERTED: {
        _F.RENEWAL_PAID: _L.CONVERTED,  # only trouble makes a payment `activated`
        _F.RENEWAL_DECLINED: _L.IN_RETRY,
        _F.RETRIES_ENDED: _L.TERMINATED,
        _F.PAUSED: _L.SUSPENDED,
        _F.CANCELED: _L.CANCELLED,
        _F.EXPIRED: _L.EXPIRED,
    },
    _L.IN_RETRY: {
        _F.RENEWAL_PAID: _L.ACTIVATED,
        _F.RENEWAL_DECLINED: _L.IN_RETRY,
        _F.RETRIES_ENDED: _L.TERMINATED,
        _F.PAUSED: _L.SUSPENDED,
        _F.CANCELED: _L.CANCELLED,
        _F.EXPIRED: _L.EXPIRED,
    },
    _L.ACTIVATED: {
        _F.RENEWAL_PAID: _L.ACTIVATED,
        _F.RENEWAL_DECLINED: _L.IN_RETRY,
        _F.RETRIES_ENDED: _L.TERMINATED,
        _F.PAUSED: _L.SUSPENDED,
        _F.CANCELED: _L.CANCELLED,
        _F.EXPIRED: _L.EXPIRED,
    },
    _L.TERMINATED: {
        _F.RENEWAL_PAID: _L.ACTIVATED,  # the customer paid, or the next renewal passed
        _F.RENEWAL_DECLINED: _L.IN_RETRY,  # the next renewal, or a new card
        _F.RETRIES_ENDED: _L.TERMINATED,
        _F.PAUSED: _L.SUSPENDED,
        _F.CANCELED: _L.CANCELLED,
        _F.EXPIRED: _L.EXPIRED,
    },
    _L.SUSPENDED: {
        _F.RENEWAL_PAID: _L.ACTIVATED,
        _F.RENEWAL_DECLINED: _L.SUSPENDED,  # an older invoice; being paused outranks it
        _F.RETRIES_ENDED: _L.SUSPENDED,
        _F.PAUSED: _L.SUSPENDED,
        # Cards are charged again: to go on saying "suspended" would be false. Where
        # a renewal is still owed, the caller says so next (RENEWAL_DECLINED).
        _F.RESUMED: _L.ACTIVATED,
        _F.CANCELED: _L.CANCELLED,
        _F.EXPIRED: _L.EXPIRED,
    },
    _L.CANCELLED: {
        # A planned cancellation taken back. The rest of a dead subscription's debt,
        # paid late, is no renewal: the caller does not report it as one.
        _F.RENEWAL_PAID: _L.ACTIVATED,
        _F.RETRIES_ENDED: _L.CANCELLED,  # the recovery closes with its subscription
        _F.CANCELED: _L.CANCELLED,
    },
    # Over for good: nothing but the same news may come.
    _L.EXPIRED: {_F.RETRIES_ENDED: _L.EXPIRED, _F.EXPIRED: _L.EXPIRED},
}


def lifecycle(old: Lifecycle | None, fact: LifecycleFact) -> Lifecycle:
    """The status after `fact`; MoveRefused when it cannot happen from `old`.

    Stripe's events come in any order, so a refusal is ordinary: late news of a
    subscription that has ended changes nothing.
    """
    following = _NEXT[old].get(fact)
    if following is None:
        stands = old or "not known yet"
        raise MoveRefused(f"a subscription that is {stands} cannot follow {fact}")
    return following
