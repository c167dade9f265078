"""The list of subscriptions, newest first or in another order."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from app.domain.lifecycle import Lifecycle
from app.domain.recovery import PauseCause
from app.storage.listings.keyset import Order
from app.storage.listings.listing import (
    Amounts,
    Asked,
    Listing,
    Scope,
    amounting,
    scoping,
)
from app.storage.listings.narrowing import Narrowing, conditions, equal
from app.storage.models import Recovery, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFilter(Scope):
    """Which subscriptions; the times are of their creation at Stripe."""

    status: str | None = None  # Stripe's
    lifecycle: Lifecycle | None = None
    code: str | None = None  # of the last decline
    amounts: Amounts | None = None


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


def subscriptions_meant(
    wanted: SubscriptionFilter, asked: Asked
) -> list[ColumnElement[bool]]:
    """The conditions on `Subscription` that the filter stands for."""
    found = conditions(subscription_narrowings(wanted), asked.leads)
    if wanted.text:
        found.append(Subscription.id.in_(asked.matches(wanted.text)))
    return found


def subscription_narrowings(wanted: SubscriptionFilter) -> list[Narrowing]:
    """The same without the search, which has an index of its own."""
    row = Subscription
    return [
        *equal(row.last_decline_code, wanted.code),
        *equal(row.lifecycle, wanted.lifecycle),
        *equal(row.status, wanted.status),
        *scoping(wanted, at=row.created_at, account=row.account_id),
        *amounting(wanted.amounts, amount=row.amount, currency=row.currency),
    ]


def subscription_order(sort: str, *, currency: str | None = None) -> Order:
    """The order of that name, falling with a "-" before it; `currency` is the only one
    that the filter shows, if it is so."""
    column, falling = sort.lstrip("-"), sort.startswith("-")
    row = Subscription
    match column:
        case "amount" | "recovered":
            key = row.amount if column == "amount" else row.recovered_amount
            # Beside a condition on the currency it would keep SQLite from the index.
            group = None if currency else row.currency
            fixed = frozenset({row.currency.key} if currency else ())
            return Order(key, row.id, falling, sort, group, fixed=fixed)
        case "next_retry":
            return Order(row.next_retry_at, row.id, falling, sort, may_be_absent=True)
        case "declines":
            return Order(row.declines, row.id, falling, sort)
        case _:
            tells = frozenset({row.currency.key, row.amount.key})
            name = "" if falling else sort
            return Order(row.created_at, row.id, falling, name, tells=tells)


def _statement(wanted: SubscriptionFilter, asked: Asked) -> Select[*tuple[Any, ...]]:
    return select(
        Subscription.id,
        Subscription.stripe_subscription_id,
        Subscription.stripe_customer_id,
        Subscription.customer_name,
        Subscription.customer_email,
        Subscription.plan,
        Subscription.interval,
        Subscription.interval_count,
        Subscription.amount,
        Subscription.currency,
        Subscription.status,
        Subscription.lifecycle,
        Subscription.created_at,
        Subscription.declines,
        Subscription.attempts,
        Subscription.next_retry_at,
        Subscription.recovered_amount,
        Subscription.last_decline_code,
        Subscription.current_period_end,
        STRIPE_RETRIES_AT,
    ).where(*subscriptions_meant(wanted, asked))


SORTS = tuple(
    sign + column
    for column in ("created", "amount", "next_retry", "declines", "recovered")
    for sign in ("", "-")
)
SUBSCRIPTIONS = Listing(
    subscription_order("-created"),
    _statement,
    subscription_narrowings,
)
