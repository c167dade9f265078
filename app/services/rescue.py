"""Attempts that got no answer: Stripe is asked what became of them. Never a guess."""

import logging
from datetime import datetime, timedelta

from flask import current_app

from app.domain.charge_outcomes import Charged, NotCharged, Outcome, PutBack
from app.domain.pay_results import Declined, Paid, Processing, Refusal
from app.domain.snapshots import ChargeSnapshot, InvoiceSnapshot
from app.services import retries, wanted_looks
from app.services.connections import NotConnected, gateway_of
from app.services.invoices import all_charges
from app.services.outcomes import CLOCKS_DIFFER
from app.storage.cases import known_charge_ids
from app.storage.claims import Claim, unfinished
from app.storage.transaction import reading
from app.stripe_gateway import Gateway, PermissionMissing, StripeTrouble
from app.vault import SecretUnreadable

log = logging.getLogger(__name__)

AT_ONCE = 200
# Whoever hears nothing for half a minute has hung up; Stripe may still be at it. That
# no charge is shown proves something only when it has had the time to make one.
STRIPE_ENDS_WITHIN = timedelta(minutes=3)
# Stripe keeps an idempotency key for at least 24 hours; an hour is for our doubts.
KEY_IS_KEPT = timedelta(hours=23)
# A server error is stored under the key and replayed for a day. After three askings
# that left no charge behind, only a new attempt with a new key can go on.
MOST_ASKINGS = 3
# What could not be settled stands before nobody else for so long.
ATTEMPT_WAITS = timedelta(minutes=5)
CHARGE_EVENTS = ("charge.succeeded", "charge.failed")


def rescue_stuck(*, now: datetime) -> int:
    """Settle every attempt whose answer is missing; how many could be settled."""
    waits: dict[int, datetime] = current_app.extensions.setdefault(
        "metricsco.rescues_put_off", {}
    )
    for attempt_id in [id for id, until in waits.items() if until <= now]:
        del waits[attempt_id]
    with reading() as session:
        lost = unfinished(
            session,
            asked_before=now - STRIPE_ENDS_WITHIN,
            claimed_before=now - retries.STUCK_AFTER,
            limit=AT_ONCE + len(waits),
        )
    settled, troubled = 0, set[int]()
    for one in lost:
        if one.attempt_id in (retries.in_flight | waits.keys()):
            continue
        if one.account_id in troubled:
            continue
        if _rescue(one, now=now):
            settled += 1
        else:
            # Its others wait for the next time: those of other accounts do not.
            troubled.add(one.account_id)
            waits[one.attempt_id] = now + ATTEMPT_WAITS
    if settled:
        wanted_looks.grant(now=now)
    return settled


def _rescue(lost: Claim, *, now: datetime) -> bool:
    try:
        outcome = _ask(gateway_of(lost.account_id), lost, now=now)
    except (StripeTrouble, NotConnected, SecretUnreadable) as trouble:
        log.warning("attempt %s is still unknown: %s", lost.attempt_id, trouble)
        return False
    except Exception:
        log.exception("asking about attempt %s failed", lost.attempt_id)
        return False
    retries.record_all([(lost, outcome)], now=now)
    return True


def _ask(gateway: Gateway, lost: Claim, *, now: datetime) -> Outcome:
    """What became of the attempt, by the charges that Stripe shows."""
    invoice = gateway.invoice(lost.stripe_invoice_id)
    if invoice is None:
        return NotCharged("Stripe does not show this invoice any more.")
    made = _unknown_charge(gateway, lost, invoice)
    if invoice.status == "paid":
        return _paid_by(gateway, lost, invoice, made, now=now)
    if made is not None and made.is_declined:
        refusal = Declined(codes=made.codes, charge_id=made.id)
        return Charged(refusal, invoice.amount_remaining, made, is_all_news=False)
    if invoice.is_settling or (made is not None and made.status == "pending"):
        return Charged(Processing(invoice.status), invoice.amount_remaining, made)
    if lost.asked >= MOST_ASKINGS:
        return NotCharged("Stripe failed on this charge and made none: planned anew.")
    reason = "Stripe gave no answer, and shows no charge: asked again, same key."
    return PutBack(reason, now, was_asked=True)


def _unknown_charge(
    gateway: Gateway, lost: Claim, invoice: InvoiceSnapshot
) -> ChargeSnapshot | None:
    """The newest charge that we know nothing of and that may be this attempt's."""
    with reading() as session:
        known = known_charge_ids(session, lost.recovery_id)
    charges = [
        charge
        for charge in all_charges(gateway, invoice)
        if charge.id not in known and charge.created
    ]
    # Of several payments; those of one come in order, also within a second.
    charges.sort(key=lambda charge: charge.created or lost.started_at)
    if not charges or _is_by_its_time(charges[-1], lost):
        return charges[-1] if charges else None
    # Made before we asked, or by a clock that is minutes off ours: the key knows.
    return charges[-1] if _is_ours(gateway, charges[-1], lost) else None


def _is_by_its_time(charge: ChargeSnapshot, lost: Claim) -> bool:
    earliest = lost.started_at - CLOCKS_DIFFER
    return charge.created is not None and charge.created >= earliest


def _is_ours(gateway: Gateway, charge: ChargeSnapshot, lost: Claim) -> bool:
    """Whether our call made this charge: its event tells the key of the call.

    A Stripe key that may not list events leaves only the time. A charge of the very
    minutes in which we asked for one was most likely made by us, and must not be
    missing in the trail; the invoice is paid either way.
    """
    try:
        return _key_of(gateway, charge) == lost.idempotency_key
    except PermissionMissing:
        latest = lost.started_at + STRIPE_ENDS_WITHIN + CLOCKS_DIFFER
        is_in_time = charge.created is not None and charge.created <= latest
        return is_in_time and _is_by_its_time(charge, lost)


def _paid_by(
    gateway: Gateway,
    lost: Claim,
    invoice: InvoiceSnapshot,
    made: ChargeSnapshot | None,
    *,
    now: datetime,
) -> Outcome:
    """Ours or somebody else's? The key knows, while Stripe keeps it: our own answer,
    good or bad, is replayed. Later the event of the charge tells which key it had.

    Asking to pay a paid invoice cannot charge anybody.
    """
    if made is None:
        return NotCharged("The invoice had been paid already.")
    if now - lost.started_at >= KEY_IS_KEPT:
        is_ours = _is_ours(gateway, made, lost)
    else:
        answer = gateway.pay(
            lost.stripe_invoice_id, idempotency_key=lost.idempotency_key
        )
        if isinstance(answer, Refusal) and answer.charge_id is not None:
            refused = gateway.charge(answer.charge_id)
            return Charged(answer, made.amount, refused, is_all_news=False)
        # Accepted then, and settled since: who never asked is told that it is paid.
        is_ours = isinstance(answer, Paid | Processing)
    if not is_ours:
        return NotCharged("The invoice was paid by somebody else.")
    return Charged(Paid(invoice.amount_paid, invoice.currency), made.amount, made)


def _key_of(gateway: Gateway, charge: ChargeSnapshot) -> str | None:
    """The idempotency key of the call that made this charge; None where no event of
    it is kept any more."""
    after = None
    while True:
        page = gateway.events(CHARGE_EVENTS, created_gte=charge.created, after=after)
        for event in page:
            if event.object_id == charge.id:
                return event.request_idempotency_key
        if page.next_after is None:
            return None
        after = page.next_after
