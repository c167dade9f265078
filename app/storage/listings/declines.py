"""The history of declines, newest first or in another order."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, select, union_all

from app.domain.declines import DeclineKind, MadeBy
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
from app.storage.models import Decline, Recovery, RetryAttempt, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineFilter(Scope):
    """Which declines; the times are those of the refusal."""

    code: str | None = None
    kind: DeclineKind | None = None
    advice: str | None = None  # Stripe's
    brand: str | None = None
    funding: str | None = None
    country: str | None = None
    made_by: MadeBy | None = None
    amounts: Amounts | None = None


def decline_order(sort: str, *, currency: str | None = None) -> Order:
    """The order of that name, falling with a "-" before it; `currency` is the only one
    that the filter shows, if it is so."""
    falling = sort.startswith("-")
    if sort.lstrip("-") == "amount":
        group = None if currency else Decline.currency
        fixed = frozenset({Decline.currency.key} if currency else ())
        return Order(Decline.amount, Decline.id, falling, sort, group, fixed=fixed)
    return Order(Decline.occurred_at, Decline.id, falling, "" if falling else sort)


def _statement(wanted: DeclineFilter, asked: Asked) -> Select[*tuple[Any, ...]]:
    statement: Select[*tuple[Any, ...]] = (
        select(
            Decline.id,
            Decline.occurred_at,
            Decline.recovery_id,
            Decline.stripe_charge_id,
            Decline.stripe_customer_id,
            Decline.amount,
            Decline.currency,
            Decline.decline_code,
            Decline.advice_code,
            Decline.network_decline_code,
            Decline.network_advice_code,
            Decline.outcome_type,
            Decline.network_status,
            Decline.kind,
            Decline.brand,
            Decline.network,
            Decline.funding,
            Decline.country,
            Decline.last4,
            Decline.made_by,
            Recovery.stripe_invoice_id,
            Subscription.stripe_subscription_id,
            Subscription.customer_name,
            Subscription.customer_email,
            RetryAttempt.number.label("attempt"),
        )
        .outerjoin(Recovery, Recovery.id == Decline.recovery_id)
        .outerjoin(Subscription, Subscription.id == Recovery.subscription_id)
        .outerjoin(RetryAttempt, RetryAttempt.id == Decline.attempt_id)
        .where(*conditions(decline_narrowings(wanted), asked.leads))
    )
    if wanted.text:
        statement = statement.where(_is_meant(wanted.text, asked))
    return statement


def decline_narrowings(wanted: DeclineFilter) -> list[Narrowing]:
    """What the filter says, without the search, which has indexes of its own."""
    row = Decline
    return [
        *equal(row.decline_code, wanted.code),
        *equal(row.country, wanted.country),
        *equal(row.advice_code, wanted.advice),
        *equal(row.brand, wanted.brand),
        *equal(row.kind, wanted.kind),
        *equal(row.made_by, wanted.made_by),
        *equal(row.funding, wanted.funding),
        *scoping(wanted, at=row.occurred_at, account=row.account_id),
        *amounting(wanted.amounts, amount=row.amount, currency=row.currency),
    ]


def _is_meant(text: str, asked: Asked) -> ColumnElement[bool]:
    customers = select(Subscription.stripe_customer_id).where(
        Subscription.id.in_(asked.matches(text))
    )
    # Each by an index of its own: of an OR, PostgreSQL would read the whole table.
    found = union_all(
        select(Decline.id).where(Decline.stripe_customer_id.in_(customers)),
        # A charge that is no renewal has a customer, and no subscription of ours.
        select(Decline.id).where(Decline.stripe_customer_id == text),
        select(Decline.id).where(Decline.stripe_charge_id == text),
    ).subquery()
    return Decline.id.in_(select(found.c[0]))


SORTS = ("occurred", "-occurred", "amount", "-amount")
DECLINES = Listing(
    Order(Decline.occurred_at, Decline.id), _statement, decline_narrowings
)
