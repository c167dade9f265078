"""All stored events, the last received first."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from app.domain.account import EventStatus
from app.storage.listings.keyset import Order
from app.storage.listings.listing import Asked, Listing, Scope, within
from app.storage.models import StripeAccount, StripeEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter(Scope):
    """Which events; the times are those at which they were received."""

    status: EventStatus | None = None


def _statement(wanted: EventFilter, _asked: Asked) -> Select[*tuple[Any, ...]]:
    statement: Select[*tuple[Any, ...]] = (
        select(
            StripeEvent.id,
            StripeEvent.stripe_event_id,
            StripeEvent.type,
            StripeEvent.object_id,
            StripeEvent.received_at,
            StripeEvent.status,
            StripeEvent.tries,
            StripeEvent.try_at,
            StripeEvent.note,
            StripeAccount.name.label("account"),
        )
        .outerjoin(StripeAccount, StripeAccount.id == StripeEvent.account_id)
        .where(
            *within(wanted, at=StripeEvent.received_at, account=StripeEvent.account_id)
        )
    )
    if wanted.status is not None:
        statement = statement.where(StripeEvent.status == wanted.status)
    return statement


EVENTS = Listing(Order(StripeEvent.received_at, StripeEvent.id), _statement)
