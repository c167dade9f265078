"""Writing down what Stripe said: subscriptions, declines, payments.

Functions here take a session and never end its transaction.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.domain.classify import explain
from app.domain.declines import MadeBy
from app.domain.networks import with_network
from app.domain.snapshots import ChargeSnapshot, CustomerSnapshot, SubscriptionSnapshot
from app.storage.models import Decline, Payment, Subscription
from app.storage.spelled import padded

# Of a decline's columns those that a refusal does not tell.
ONLY_ON_THE_CHARGE = (
    *("brand", "network", "funding", "country", "fingerprint", "last4", "card_expiry"),
    *("outcome_type", "network_status"),
    *("stripe_payment_method_id", "payment_method_kind"),
)


def keep_subscription(
    session: Session, account_id: int, seen: SubscriptionSnapshot, *, now: datetime
) -> Subscription:
    """The subscription's row, as Stripe showed it at `now`."""
    row = session.scalar(
        select(Subscription)
        .where(Subscription.stripe_subscription_id == seen.id)
        .with_for_update()
    )
    if row is None:
        row = Subscription(
            account_id=account_id,
            stripe_subscription_id=seen.id,
            created_at=seen.created or now,
            plan="",
            declines=0,
            attempts=0,
            recovered_amount=0,
        )
        session.add(row)
    elif row.seen_at > now:
        return row  # a later look was written first
    row.stripe_customer_id = seen.customer.id
    row.status = seen.status or "unknown"
    row.plan = seen.product_name or seen.plan_name or row.plan
    row.interval = seen.interval
    row.interval_count = seen.interval_count
    row.amount = seen.amount
    row.currency = seen.currency
    row.current_period_end = seen.current_period_end
    row.cancel_at = seen.cancel_at or (
        seen.current_period_end if seen.cancel_at_period_end else None
    )
    row.ended_at = seen.ended_at
    row.cancellation_reason = seen.cancellation_reason
    row.stripe_payment_method_id = seen.default_payment_method or seen.default_source
    row.seen_at = now
    return row


def keep_customer(row: Subscription, seen: CustomerSnapshot) -> None:
    """The customer's name and whereabouts on the row; only where they were read."""
    if seen == CustomerSnapshot(id=seen.id):
        return  # an extract: the customer itself was not read
    row.customer_name = seen.name
    row.customer_email = seen.email
    row.customer_country = seen.country
    row.customer_timezone = seen.timezone


def keep_charges(
    session: Session,
    account_id: int,
    charges: Iterable[ChargeSnapshot],
    *,
    recovery_id: int | None = None,
    made_by: dict[str, MadeBy] | None = None,
) -> list[Decline]:
    """One row a charge: declines and payments; returns what is new to the recovery."""
    charges = [charge for charge in charges if charge.created is not None]
    ids = padded([charge.id for charge in charges], "")
    # What is about to be written has nothing to do with the answer: writing it now
    # would write every row of a batch by itself.
    with session.no_autoflush:
        known_declines = {
            row.stripe_charge_id: row
            for row in session.scalars(_DECLINES, {"ids": ids})
        }
        known_payments = set(session.scalars(_PAYMENTS, {"ids": ids}))
    new = []
    for charge in charges:
        known = known_declines.get(charge.id)
        who = (made_by or {}).get(charge.id, MadeBy.UNKNOWN)
        if known is not None:
            _complete(known, charge)
            if known.recovery_id is None and recovery_id is not None:
                # Noted before anybody knew that it belongs to a renewal.
                known.recovery_id, known.made_by = recovery_id, who
                new.append(known)
        elif charge.is_declined:
            new.append(decline_row(account_id, charge, recovery_id, who))
        elif charge.status == "succeeded" and charge.id not in known_payments:
            session.add(payment_row(account_id, charge))
    session.add_all(new)
    return new


def _complete(known: Decline, charge: ChargeSnapshot) -> None:
    """Add the card to a decline that was written from the refusal alone, or before its
    kind was kept: without it the try would be missing in the card's limits. What was
    said then stays as it is."""
    if known.issuer is None and known.iin is None:
        known.issuer, known.iin = charge.card.issuer, charge.card.iin
    if known.payment_method_kind or charge.payment_method_kind is None:
        return
    whole = decline_row(
        known.account_id, charge, known.recovery_id, made_by=known.made_by
    )
    for name in ONLY_ON_THE_CHARGE:
        setattr(known, name, getattr(whole, name))


def count_declines(subscription: Subscription | None, new: list[Decline]) -> None:
    """Keep with the subscription how many there are, and the newest one's code."""
    if subscription is None or not new:
        return
    subscription.declines += len(new)
    newest = max(new, key=lambda decline: decline.occurred_at)
    last_at = subscription.last_declined_at
    if last_at is None or newest.occurred_at >= last_at:
        subscription.last_declined_at = newest.occurred_at
        subscription.last_decline_code = newest.decline_code


# Built once: every charge asks.
_DECLINES = select(Decline).where(
    Decline.stripe_charge_id.in_(bindparam("ids", expanding=True))
)
_PAYMENTS = select(Payment.stripe_charge_id).where(
    Payment.stripe_charge_id.in_(bindparam("ids", expanding=True))
)


def decline_row(
    account_id: int,
    charge: ChargeSnapshot,
    recovery_id: int | None,
    made_by: MadeBy,
) -> Decline:
    """The refused charge as a row, with its codes as they came and what they mean."""
    assert charge.created is not None
    codes = with_network(charge.codes, charge.card)
    told = explain(codes)
    return Decline(
        account_id=account_id,
        recovery_id=recovery_id,
        stripe_charge_id=charge.id,
        stripe_customer_id=charge.customer_id,
        occurred_at=charge.created,
        amount=charge.amount,
        currency=charge.currency,
        decline_code=codes.decline_code,
        advice_code=codes.advice_code,
        network_decline_code=codes.network_decline_code,
        network_advice_code=codes.network_advice_code,
        outcome_type=codes.outcome_type,
        network_status=codes.network_status,
        kind=told.kind,
        code_is_known=told.known,
        brand=charge.card.brand,
        network=codes.network,
        funding=charge.card.funding,
        country=charge.card.country,
        fingerprint=charge.card.fingerprint,
        last4=charge.last4,
        card_expiry=charge.card_expiry,
        stripe_payment_method_id=charge.payment_method_id,
        payment_method_kind=(charge.payment_method_kind or "")[:32] or None,
        issuer=charge.card.issuer,
        iin=charge.card.iin,
        made_by=made_by,
    )


def payment_row(account_id: int, charge: ChargeSnapshot) -> Payment:
    """The approved charge as a row."""
    assert charge.created is not None
    return Payment(
        account_id=account_id,
        stripe_charge_id=charge.id,
        stripe_customer_id=charge.customer_id,
        occurred_at=charge.created,
        amount=charge.amount,
        currency=charge.currency,
        fingerprint=charge.card.fingerprint,
    )
