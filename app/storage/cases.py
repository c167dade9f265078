"""Reading a case: what the tables know about one declined invoice, as a value."""

from dataclasses import fields
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from app.domain.cases import Card, CardAttempt, Case
from app.domain.cases import Customer as CaseCustomer
from app.domain.declines import Codes
from app.domain.declines import Decline as DeclineValue
from app.storage.models import Decline, Payment, Recovery

# The networks count in 30 days; a day more covers other clocks and zones.
CARD_HISTORY = timedelta(days=31)
# Enough renewals to recognise a monthly pay day.
CUSTOMER_HISTORY = timedelta(days=400)


# What is kept of the card that the next charge takes.
CHOSEN = (
    *("brand", "network", "funding", "country", "fingerprint"),
    *("issuer", "iin", "kind"),
)


def case_of(session: Session, recovery: Recovery, *, now: datetime) -> Case | None:
    """The recovery's case; None while no charge has been refused (no card at all)."""
    declines = _declines(session, recovery.id)
    if not declines:
        return None
    newest = declines[-1]
    changed_at = recovery.card_changed_at
    is_new_card = changed_at is not None and newest.occurred_at < changed_at
    card = _chosen(recovery) if is_new_card else _card(newest)
    return _case(session, recovery, declines, card, now=now)


def first_card_case(session: Session, recovery: Recovery, *, now: datetime) -> Case:
    """The case of the card that would be charged, where no charge was refused yet."""
    return _case(session, recovery, [], _chosen(recovery), now=now)


def _case(
    session: Session,
    recovery: Recovery,
    declines: list[Decline],
    card: Card,
    *,
    now: datetime,
) -> Case:
    tries, elsewhere = _card_history(session, recovery.id, card.fingerprint, now=now)
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
        card_attempts=tries,
        past_successes=_past_successes(session, customer_id, since=since),
        past_declines=_past_declines(session, customer_id, since=since, but=own),
        declines_elsewhere=elsewhere,
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


def _chosen(recovery: Recovery) -> Card:
    """The card that the next charge takes, as far as it was read."""
    read = recovery.chosen_card or {}
    if read.get("id") != recovery.stripe_payment_method_id:
        return Card()
    return Card(**{name: read.get(name) for name in CHOSEN})


def _card(decline: Decline) -> Card:
    return Card(
        brand=decline.brand,
        network=decline.network,
        funding=decline.funding,
        country=decline.country,
        fingerprint=decline.fingerprint,
        issuer=decline.issuer,
        iin=decline.iin,
        kind=decline.payment_method_kind,
    )


def _card_history(
    session: Session, recovery_id: int, fingerprint: str | None, *, now: datetime
) -> tuple[tuple[CardAttempt, ...], tuple[DeclineValue, ...]]:
    """Every charge tried on the card, by anyone, for any invoice; and the refusals for
    other invoices since a charge of it was last approved."""
    if fingerprint is None:
        return (), ()
    card = {"fingerprint": fingerprint, "since": now - CARD_HISTORY}
    refused = session.execute(_REFUSED_ON_CARD, card).all()
    approved = session.execute(_APPROVED_ON_CARD, card).all()
    declines = [
        DeclineValue(row.occurred_at, Codes.of(row), row.made_by) for row in refused
    ]
    tries = [
        CardAttempt(
            row.occurred_at,
            row.amount,
            row.currency,
            reached_network=decline.reached_network,
        )
        for row, decline in zip(refused, declines, strict=True)
    ]
    tries += [CardAttempt(*row, declined=False) for row in approved]
    last_approved = max((row.occurred_at for row in approved), default=None)
    elsewhere = [
        decline
        for row, decline in zip(refused, declines, strict=True)
        if row.recovery_id != recovery_id
        and (last_approved is None or row.occurred_at > last_approved)
    ]
    return (
        tuple(sorted(tries, key=lambda attempt: attempt.at)),
        tuple(sorted(elsewhere, key=lambda decline: decline.occurred_at)),
    )


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
    Decline.recovery_id,
    Decline.made_by,
    *(getattr(Decline, field.name) for field in fields(Codes)),
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
