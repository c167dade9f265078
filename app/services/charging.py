"""Making one charge: reads and calls Stripe, touches no table, decides by values.

Every way in which the call can end becomes an `Outcome`; nothing is raised.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from app.domain.charge_outcomes import (
    Charged,
    NotCharged,
    Outcome,
    PutBack,
    Unanswered,
)
from app.domain.pay_results import Paid, PayResult, Refusal
from app.domain.snapshots import ChargeSnapshot, InvoiceSnapshot
from app.domain.standing import Standing, judge
from app.services.one_object import is_alone
from app.storage.claims import Claim
from app.stripe_gateway import (
    CredentialsRefused,
    Gateway,
    Gone,
    InFlight,
    KeyReused,
    PermissionMissing,
    RateLimited,
    Refused,
    StripeTrouble,
)

# Stripe's limits are per second; a minute lets the merchant's own traffic pass first.
WAIT_AFTER_LIMIT = timedelta(minutes=1)
# An outage is seldom over within seconds, and no retry is lost by ten minutes.
WAIT_AFTER_TROUBLE = timedelta(minutes=10)


def charge(
    gateway: Gateway, claim: Claim, *, may_still: Callable[[], bool], now: datetime
) -> Outcome:
    """Read the invoice once more, charge it if nothing stands against it.

    `may_still` is asked last: whether nobody has switched it off or ended it.
    """
    if now > claim.deadline_at:
        return NotCharged("The time for retries was over before it could be made.")
    try:
        invoice = gateway.invoice(claim.stripe_invoice_id)
    except StripeTrouble as trouble:
        return _not_read(gateway, trouble, now=now)
    objection = _objection(invoice, claim)
    if objection is not None:
        return NotCharged(objection)
    assert invoice is not None
    if not may_still():
        return PutBack("Switched off, or ended, before the charge was made.", now)
    return _pay(gateway, claim, invoice, now=now)


def _objection(invoice: InvoiceSnapshot | None, claim: Claim) -> str | None:
    """Why no charge may be made now; None when it may."""
    if invoice is None:
        return "Stripe does not show this invoice any more."
    verdict = judge(invoice)
    if verdict.standing is Standing.PAID:
        return "The invoice had been paid already."
    if verdict.standing is not Standing.PAYABLE:
        return verdict.reason
    if invoice.latest_charge_id != claim.latest_charge_id:
        return "Somebody else had charged the invoice meanwhile: planned anew."
    return None


def _pay(
    gateway: Gateway, claim: Claim, invoice: InvoiceSnapshot, *, now: datetime
) -> Outcome:
    try:
        result = gateway.pay(
            claim.stripe_invoice_id, idempotency_key=claim.idempotency_key
        )
    except StripeTrouble as trouble:
        return _no_answer(trouble, now=now)
    # We never asked under this key, and yet Stripe knows it: these records are older
    # than what was done. The charge was this attempt; there may be more to learn.
    is_news = not (claim.asked == 1 and result.replayed)
    made = _charge_made(gateway, invoice, result)
    if made is None and isinstance(result, Refusal) and result.charge_id is not None:
        is_news = False  # its card is still to be learned
    return Charged(result, invoice.amount_remaining, made, is_all_news=is_news)


def _charge_made(
    gateway: Gateway, invoice: InvoiceSnapshot, result: PayResult
) -> ChargeSnapshot | None:
    """The charge behind the answer, with its card; None when it cannot be read now.

    The answer itself is what counts; a later look at the invoice fills this in.
    """
    try:
        if isinstance(result, Refusal) and result.charge_id is not None:
            return gateway.charge(result.charge_id)
        if isinstance(result, Paid):
            return _newest_approved(gateway, invoice)
    except StripeTrouble:
        pass
    return None


def _newest_approved(
    gateway: Gateway, invoice: InvoiceSnapshot
) -> ChargeSnapshot | None:
    intents = invoice.payment_intent_ids
    charges = gateway.charges(intents[0]) if intents else ()
    return next((c for c in reversed(charges) if c.status == "succeeded"), None)


def _not_read(gateway: Gateway, trouble: StripeTrouble, *, now: datetime) -> Outcome:
    """The look before the charge failed: nothing was charged."""
    needs_owner = isinstance(trouble, CredentialsRefused | PermissionMissing)
    if needs_owner and not is_alone(gateway, trouble):
        return _owner_must(trouble, now=now)
    reason = f"Stripe could not be asked: {trouble.sentence}"
    hold_until = now + WAIT_AFTER_LIMIT
    if isinstance(trouble, RateLimited):
        return PutBack(reason, hold_until, hold_until=hold_until)
    due_at = now + WAIT_AFTER_TROUBLE
    return PutBack(reason, due_at, hold_until=hold_until, is_unread=True)


def _no_answer(trouble: StripeTrouble, *, now: datetime) -> Outcome:
    """The call to charge ended in trouble; only some kinds prove that nothing happened.

    Rate limits, refused keys and missing permissions are answered before anything is
    executed (https://docs.stripe.com/api/idempotent_requests).
    """
    match trouble:
        case RateLimited():
            until = now + WAIT_AFTER_LIMIT
            return PutBack("Stripe asked us to slow down.", until, hold_until=until)
        case CredentialsRefused() | PermissionMissing():
            return _owner_must(trouble, now=now)
        case Gone() | KeyReused() | Refused():
            # Gone may be the invoice, or the card that it would need.
            reason = f"Stripe refused the call: {trouble.sentence}"
            return NotCharged(reason, was_asked=True)
        case InFlight():
            reason = "An earlier call for this charge is still running."
            return Unanswered(reason, is_at_it=True)
        case _:
            return Unanswered("Stripe gave no answer; it will be asked.")


def _owner_must(trouble: StripeTrouble, *, now: datetime) -> PutBack:
    if isinstance(trouble, PermissionMissing) and trouble.permission:
        sentence = f"The restricted key lacks the permission {trouble.permission}."
    elif isinstance(trouble, PermissionMissing):
        sentence = "The restricted key lacks a permission."
    else:
        sentence = "Stripe refuses the key: it was revoked, or has expired."
    return PutBack(sentence, now, owner_must=sentence)
