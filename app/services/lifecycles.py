"""Telling a subscription's lifecycle status what happened to it."""

from app.domain.lifecycle import Lifecycle, LifecycleFact, lifecycle
from app.domain.recovery import MoveRefused, RecoveryStatus
from app.domain.snapshots import InvoiceSnapshot, SubscriptionSnapshot
from app.domain.standing import FIRST_INVOICE
from app.storage.models import Subscription

_OF_RECOVERY = {
    RecoveryStatus.IN_RETRY: LifecycleFact.RENEWAL_DECLINED,
    RecoveryStatus.RECOVERED: LifecycleFact.RENEWAL_PAID,
    RecoveryStatus.TERMINATED: LifecycleFact.RETRIES_ENDED,
    RecoveryStatus.STOPPED: LifecycleFact.RETRIES_ENDED,
}


def follow_recovery(subscription: Subscription, status: RecoveryStatus) -> None:
    """The recovery of one of its renewals became `status`."""
    if status in _OF_RECOVERY:
        tell(subscription, _OF_RECOVERY[status])


def follow_payment(subscription: Subscription, invoice: InvoiceSnapshot) -> None:
    """One of its invoices was paid, by whomever."""
    is_first = invoice.billing_reason == FIRST_INVOICE
    tell(
        subscription,
        LifecycleFact.CREATED_PAID if is_first else LifecycleFact.RENEWAL_PAID,
    )


def follow_stripe(subscription: Subscription, seen: SubscriptionSnapshot) -> None:
    """Stripe's own status says something about its life."""
    paused = seen.status == "paused" or seen.pause_behavior is not None
    if seen.status == "canceled":
        tell(subscription, LifecycleFact.CANCELED)
    elif seen.status == "incomplete_expired":
        tell(subscription, LifecycleFact.EXPIRED)
    elif paused:
        tell(subscription, LifecycleFact.PAUSED)
    elif subscription.lifecycle is Lifecycle.SUSPENDED:
        tell(subscription, LifecycleFact.RESUMED)
    elif seen.status == "trialing":
        tell(subscription, LifecycleFact.TRIAL_STARTED)


def tell(subscription: Subscription, fact: LifecycleFact) -> None:
    """Move the status on; a fact that may not follow, such as late news, is let go."""
    try:
        subscription.lifecycle = lifecycle(subscription.lifecycle, fact)
    except MoveRefused:
        return
