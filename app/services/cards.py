"""What a card's change means: the next try comes forward."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.recovery import OPEN, RecoveryStatus
from app.domain.snapshots import ChargeSnapshot
from app.services import invoices, set_aside
from app.services.connections import gateway_of
from app.services.keeping import keep_charges
from app.storage.models import Recovery
from app.storage.transaction import reading, transaction


def follow_change(account_id: int, stripe_customer_id: str, *, now: datetime) -> int:
    """A card of this customer is new or was renewed: look at what it may pay.

    Returns how many of the customer's recoveries were looked at.
    """
    with reading() as session:
        wanted = session.scalars(
            select(Recovery.stripe_invoice_id).where(
                Recovery.account_id == account_id,
                Recovery.stripe_customer_id == stripe_customer_id,
                Recovery.status.in_((*OPEN, RecoveryStatus.TERMINATED)),
                Recovery.deadline_at >= now,
            )
        ).all()
    for stripe_invoice_id in wanted:
        set_aside.look(account_id, stripe_invoice_id, now=now, with_card=True)
    return len(wanted)


def note_refused_charge(
    account_id: int, stripe_charge_id: str, *, now: datetime
) -> None:
    """A charge was refused: a renewal's belongs to its recovery, any other counts for
    the limits of its card all the same."""
    gateway = gateway_of(account_id)
    charge = gateway.charge(stripe_charge_id)
    if charge is None:
        return
    stripe_invoice_id = _invoice_of(charge)
    if stripe_invoice_id is not None:
        invoices.look(account_id, stripe_invoice_id, now=now)
        return
    with transaction() as session:
        keep_charges(session, account_id, [charge])


def _invoice_of(charge: ChargeSnapshot) -> str | None:
    """Only what we know: invoice.payment_failed tells of the rest."""
    if charge.payment_intent_id is None:
        return None
    with reading() as session:
        return _known_invoice(session, charge.payment_intent_id)


def _known_invoice(session: Session, stripe_payment_intent_id: str) -> str | None:
    return session.scalar(
        select(Recovery.stripe_invoice_id).where(
            Recovery.stripe_payment_intent_id == stripe_payment_intent_id
        )
    )
