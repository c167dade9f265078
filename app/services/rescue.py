"""Attempts that got no answer: Stripe is asked what became of them. Never a guess."""

import logging
from datetime import datetime, timedelta

from app.domain.pay_results import Declined, Paid, Processing
from app.domain.snapshots import ChargeSnapshot, InvoiceSnapshot
from app.services import retries
from app.services.connections import NotConnected, gateway_of
from app.services.outcomes import Charged, NotCharged, Outcome, PutBack
from app.storage.cases import known_charge_ids
from app.storage.claims import Lost, unfinished
from app.storage.transaction import reading
from app.stripe_gateway import Gateway, StripeTrouble

log = logging.getLogger(__name__)

AT_ONCE = 200
# Stripe keeps an idempotency key for at least 24 hours; an hour is for our doubts.
KEY_IS_KEPT = timedelta(hours=23)
# A server error is stored under the key and replayed for a day. After three askings
# that left no charge behind, only a new attempt with a new key can go on.
MOST_ASKINGS = 3


def rescue_stuck(*, now: datetime) -> int:
    """Settle every attempt whose answer is missing; how many could be settled."""
    claimed_before = now - retries.STUCK_AFTER
    with reading() as session:
        lost = unfinished(session, claimed_before=claimed_before, limit=AT_ONCE)
    mine = [one for one in lost if one.claim.attempt_id not in retries.in_flight]
    return sum(_rescue(one, now=now) for one in mine)


def _rescue(lost: Lost, *, now: datetime) -> bool:
    claim = lost.claim
    try:
        outcome = _ask(gateway_of(claim.account_id), lost, now=now)
    except (StripeTrouble, NotConnected) as trouble:
        log.warning("attempt %s is still unknown: %s", claim.attempt_id, trouble)
        return False
    retries.record_all([(claim, outcome)], now=now)
    return True


def _ask(gateway: Gateway, lost: Lost, *, now: datetime) -> Outcome:
    """What became of the attempt, by the charges that Stripe shows."""
    invoice = gateway.invoice(lost.claim.stripe_invoice_id)
    if invoice is None:
        return NotCharged("Stripe does not show this invoice any more.")
    made = _unknown_charge(gateway, lost, invoice)
    if invoice.status == "paid":
        return _paid_by(gateway, lost, invoice, made, now=now)
    if made is not None and made.is_declined:
        refusal = Declined(codes=made.codes, charge_id=made.id)
        return Charged(refusal, invoice.amount_remaining, made)
    if _is_settling(invoice) or (made is not None and made.status == "pending"):
        return Charged(Processing(invoice.status), invoice.amount_remaining, made)
    if lost.asked >= MOST_ASKINGS:
        return NotCharged("Stripe failed on this charge and made none: planned anew.")
    reason = "Stripe gave no answer, and shows no charge: asked again, same key."
    return PutBack(reason, now, was_asked=True)


def _unknown_charge(
    gateway: Gateway, lost: Lost, invoice: InvoiceSnapshot
) -> ChargeSnapshot | None:
    """The newest charge that we know nothing of and that may be this attempt's."""
    with reading() as session:
        known = known_charge_ids(session, lost.claim.recovery_id)
    earliest = lost.started_at - timedelta(minutes=5)  # clocks differ
    charges = [
        charge
        for intent_id in invoice.payment_intent_ids
        for charge in gateway.charges(intent_id)
        if charge.id not in known and charge.created and charge.created >= earliest
    ]
    return charges[-1] if charges else None


def _paid_by(
    gateway: Gateway,
    lost: Lost,
    invoice: InvoiceSnapshot,
    made: ChargeSnapshot | None,
    *,
    now: datetime,
) -> Outcome:
    """Ours or somebody else's? The key knows: Stripe replays our own success.

    Asking to pay a paid invoice cannot charge anybody.
    """
    if made is None:
        return NotCharged("The invoice had been paid already.")
    is_ours = True
    if now - lost.started_at < KEY_IS_KEPT:
        claim = lost.claim
        answer = gateway.pay(
            claim.stripe_invoice_id, idempotency_key=claim.idempotency_key
        )
        is_ours = isinstance(answer, Paid)
    if not is_ours:
        return NotCharged("The invoice was paid by somebody else.")
    return Charged(Paid(invoice.amount_paid, invoice.currency), made.amount, made)


def _is_settling(invoice: InvoiceSnapshot) -> bool:
    return any(payment.intent_status == "processing" for payment in invoice.payments)
