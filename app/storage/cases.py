"""Reading a case: what the tables know about one declined invoice, as a value."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.domain.cases import Card, CardAttempt, Case
from app.domain.cases import Customer as CaseCustomer
from app.domain.declines import Decline as DeclineValue
from app.storage.models import Decline, Payment, Recovery

# The networks count in 30 days; a day more covers other clocks and zones.
CARD_HISTORY = timedelta(days=31)
# Enough renewals to recognise a monthly pay day.
CUSTOMER_HISTORY = timedelta(days=400)


def case_of(session: Session, recovery: Recovery, *, now: datetime) -> Case | None:
    """The recovery's case; None while no charge has been refused (no card at all)."""
    declines = _declines(session, recovery.id)
    if not declines:
        return None
    newest = declines[-1]
    changed_at = recovery.card_changed_at
    is_new_card = changed_at is not None and newest.occurred_at < changed_at
    card = Card() if is_new_card else _card(newest)
    customer_id = recovery.stripe_customer_id
    own = {decline.stripe_charge_id for decline in declines}
    since = now - CUSTOMER_HISTORY
    return Case(
        invoice_id=recovery.stripe_invoice_id,
        amount=recovery.money,
        declines=tuple(
            DeclineValue(d.occurred_at, d.codes, d.made_by) for d in declines
        ),
        deadline_at=recovery.deadline_at,
        customer=_customer(recovery),
        card=card,
        charges=recovery.charges,
        retries=recovery.retries,
        interval=recovery.subscription.interval if recovery.subscription else None,
        plan=recovery.subscription.plan if recovery.subscription else None,
        card_attempts=_card_attempts(session, card.fingerprint, now=now),
        past_successes=_past_successes(session, customer_id, since=since),
        past_declines=_past_declines(session, customer_id, since=since, but=own),
        seed=recovery.seed,
        card_changed_at=recovery.card_changed_at,
    )


def known_charge_ids(session: Session, recovery_id: int) -> set[str]:
    """The charges of the recovery's invoice that are in our records as refused."""
    return set(
        session.scalars(
            select(Decline.stripe_charge_id).where(Decline.recovery_id == recovery_id)
        )
    )


def _declines(session: Session, recovery_id: int) -> list[Decline]:
    return list(session.scalars(_DECLINES, {"recovery_id": recovery_id}))


def _customer(recovery: Recovery) -> CaseCustomer:
    subscription = recovery.subscription
    return CaseCustomer(
        stripe_id=recovery.stripe_customer_id,
        country=subscription.customer_country if subscription else None,
        timezone=subscription.customer_timezone if subscription else None,
        months_active=(
            (recovery.started_at - subscription.created_at).days // 30
            if subscription
            else None
        ),
    )


def _card(decline: Decline) -> Card:
    return Card(
        brand=decline.brand,
        network=decline.network,
        funding=decline.funding,
        country=decline.country,
        fingerprint=decline.fingerprint,
    )


def _card_attempts(
    session: Session, fingerprint: str | None, *, now: datetime
) -> tuple[CardAttempt, ...]:
    """Every charge tried on the card, by anyone, for any invoice."""
    if fingerprint is None:
        return ()
    card = {"fingerprint": fingerprint, "since": now - CARD_HISTORY}
    refused = session.execute(_REFUSED_ON_CARD, card)
    approved = session.execute(_APPROVED_ON_CARD, card)
    tries = [
        CardAttempt(
            at,
            amount,
            currency,
            reached_network=outcome != "blocked" and status != "not_sent_to_network",
        )
        for at, amount, currency, outcome, status in refused
    ]
    tries += [CardAttempt(*row, declined=False) for row in approved]
    return tuple(sorted(tries, key=lambda attempt: attempt.at))


def _past_successes(
    session: Session, customer_id: str, *, since: datetime
) -> tuple[datetime, ...]:
    customer = {"customer_id": customer_id, "since": since}
    return tuple(session.scalars(_APPROVED, customer))


def _past_declines(
    session: Session, customer_id: str, *, since: datetime, but: set[str]
) -> tuple[datetime, ...]:
    rows = session.execute(_REFUSED, {"customer_id": customer_id, "since": since})
    return tuple(at for at, charge_id in rows if charge_id not in but)


# Built once: each of them is asked for every plan, and building takes longer.
_DECLINES = (
    select(Decline)
    .where(Decline.recovery_id == bindparam("recovery_id"))
    .order_by(Decline.occurred_at, Decline.id)
)
_REFUSED_ON_CARD = select(
    Decline.occurred_at,
    Decline.amount,
    Decline.currency,
    Decline.outcome_type,
    Decline.network_status,
).where(
    Decline.fingerprint == bindparam("fingerprint"),
    Decline.occurred_at >= bindparam("since"),
)
_APPROVED_ON_CARD = select(Payment.occurred_at, Payment.amount, Payment.currency).where(
    Payment.fingerprint == bindparam("fingerprint"),
    Payment.occurred_at >= bindparam("since"),
)
_APPROVED = (
    select(Payment.occurred_at)
    .where(
        Payment.stripe_customer_id == bindparam("customer_id"),
        Payment.occurred_at >= bindparam("since"),
    )
    .order_by(Payment.occurred_at)
)
_REFUSED = (
    select(Decline.occurred_at, Decline.stripe_charge_id)
    .where(
        Decline.stripe_customer_id == bindparam("customer_id"),
        Decline.occurred_at >= bindparam("since"),
    )
    .order_by(Decline.occurred_at)
)
