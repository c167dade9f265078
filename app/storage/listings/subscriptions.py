"""The list of subscriptions, newest first."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from app.domain.lifecycle import Lifecycle
from app.domain.recovery import PauseCause
from app.storage.listings.keyset import Order
from app.storage.listings.listing import Asked, Listing, Scope, within
from app.storage.models import Recovery, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFilter(Scope):
    """Which subscriptions; the times are of their creation at Stripe."""

    status: str | None = None  # Stripe's
    lifecycle: Lifecycle | None = None


# Only a paused recovery has a cause. To ask for the status too would invite the index
# of all paused ones, where one subscription's few are wanted.
STRIPE_RETRIES_AT = (
    select(func.min(Recovery.stripe_retries_at))
    .where(
        Recovery.subscription_id == Subscription.id,
        Recovery.paused_because == PauseCause.STRIPE_RETRIES,
    )
    .correlate(Subscription)
    .scalar_subquery()
    .label("stripe_retries_at")
)


def _statement(wanted: SubscriptionFilter, asked: Asked) -> Select[*tuple[Any, ...]]:
    statement: Select[*tuple[Any, ...]] = select(
        Subscription.id,
        Subscription.stripe_subscription_id,
        Subscription.stripe_customer_id,
        Subscription.customer_name,
        Subscription.customer_email,
        Subscription.plan,
        Subscription.interval,
        Subscription.amount,
        Subscription.currency,
        Subscription.status,
        Subscription.lifecycle,
        Subscription.created_at,
        Subscription.declines,
        Subscription.attempts,
        Subscription.next_retry_at,
        Subscription.recovered_amount,
        STRIPE_RETRIES_AT,
    ).where(
        *within(wanted, at=Subscription.created_at, account=Subscription.account_id)
    )
    if wanted.status is not None:
        statement = statement.where(Subscription.status == wanted.status)
    if wanted.lifecycle is not None:
        statement = statement.where(Subscription.lifecycle == wanted.lifecycle)
    if wanted.text:
        statement = statement.where(Subscription.id.in_(asked.matches(wanted.text)))
    return statement


SUBSCRIPTIONS = Listing(Order(Subscription.created_at, Subscription.id), _statement)
