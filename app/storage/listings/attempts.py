"""All retry attempts, the latest due first."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from app.domain.recovery import AttemptStatus
from app.storage.listings.keyset import Order
from app.storage.listings.listing import Asked, Listing, Scope, within
from app.storage.models import Recovery, RetryAttempt, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFilter(Scope):
    """Which attempts; the times are those at which they are due."""

    status: AttemptStatus | None = None
    code: str | None = None


def _statement(wanted: AttemptFilter, asked: Asked) -> Select[*tuple[Any, ...]]:
    statement: Select[*tuple[Any, ...]] = (
        select(
            RetryAttempt.id,
            RetryAttempt.number,
            RetryAttempt.strategy,
            RetryAttempt.strategy_version,
            RetryAttempt.status,
            RetryAttempt.due_at,
            RetryAttempt.started_at,
            RetryAttempt.finished_at,
            RetryAttempt.outcome,
            RetryAttempt.decline_code,
            RetryAttempt.reason,
            RetryAttempt.idempotency_key,
            RetryAttempt.probability,
            RetryAttempt.amount,
            Recovery.currency,
            Recovery.stripe_invoice_id,
            Subscription.stripe_subscription_id,
        )
        .join(Recovery, Recovery.id == RetryAttempt.recovery_id)
        .outerjoin(Subscription, Subscription.id == Recovery.subscription_id)
        .where(*within(wanted, at=RetryAttempt.due_at, account=RetryAttempt.account_id))
    )
    if wanted.status is not None:
        statement = statement.where(RetryAttempt.status == wanted.status)
    if wanted.code is not None:
        statement = statement.where(RetryAttempt.decline_code == wanted.code)
    if wanted.text:
        found = select(Recovery.id).where(
            Recovery.subscription_id.in_(asked.matches(wanted.text))
        )
        statement = statement.where(RetryAttempt.recovery_id.in_(found))
    return statement


ATTEMPTS = Listing(Order(RetryAttempt.due_at, RetryAttempt.id), _statement)
