"""Recording what came of our own charges. Never ends a transaction.

An attempt is recorded once: whoever comes second finds it settled and does nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.domain.declines import MadeBy
from app.domain.pay_results import (
    Declined,
    NeedsAction,
    NotPayable,
    Paid,
    PayResult,
    Processing,
    Refusal,
)
from app.domain.recovery import AttemptStatus, RecoveryStatus, move_attempt
from app.domain.snapshots import ChargeSnapshot, InvoiceSnapshot
from app.services.keeping import keep_charges
from app.services.planning import plan, put
from app.storage.claims import Claim
from app.storage.models import Recovery, RetryAttempt

IN_FLIGHT = (AttemptStatus.RUNNING, AttemptStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Charged:
    """Stripe answered. `charge` is the charge that was made, where it could be read."""

    result: PayResult
    due: int  # what the charge was for, in minor units
    charge: ChargeSnapshot | None = None


@dataclass(frozen=True, slots=True)
class NotCharged:
    """Not asked, for the invoice turned out not to be chargeable: look again."""

    reason: str


@dataclass(frozen=True, slots=True)
class PutBack:
    """Nothing was charged; the same attempt, under the same key, is due later.

    `holds_account`: no other charge of the account before `due_at` either.
    `owner_must`: what only the owner can mend; the connection is paused until then.
    """

    reason: str
    due_at: datetime
    was_asked: bool = False
    holds_account: bool = False
    owner_must: str | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Stripe was asked and gave no answer: it may have charged, or not."""

    reason: str


Outcome = Charged | NotCharged | PutBack | Unanswered


def record(session: Session, claim: Claim, outcome: Outcome, *, now: datetime) -> None:
    """Write the outcome of a claimed attempt into the rows, and plan what follows."""
    attempt = session.get(RetryAttempt, claim.attempt_id, with_for_update=True)
    if attempt is None or attempt.status not in IN_FLIGHT:
        return
    recovery = attempt.recovery
    match outcome:
        case Charged():
            _record_charged(session, recovery, attempt, outcome, now=now)
        case NotCharged(reason):
            _finish(attempt, AttemptStatus.CANCELED, reason, now=now)
            recovery.look_again = True
        case PutBack():
            _put_back(recovery, attempt, outcome, now=now)
        case Unanswered(reason):
            attempt.status = AttemptStatus.UNKNOWN
            attempt.outcome = reason


def settle_processing(
    session: Session,
    recovery: Recovery,
    invoice: InvoiceSnapshot,
    charges: list[ChargeSnapshot],
    *,
    now: datetime,
) -> bool:
    """Settle an accepted charge whose money was not there yet; True when it stands.

    While it stands, nothing else may be planned or ended.
    """
    attempt = next(
        (a for a in recovery.attempts if a.status is AttemptStatus.PROCESSING), None
    )
    if attempt is None:
        return False
    newest = charges[-1] if charges else None
    if invoice.status == "paid":
        result: PayResult = Paid(invoice.amount_paid, invoice.currency)
        charged = Charged(result, recovery.amount, newest)
        _record_charged(session, recovery, attempt, charged, now=now)
        return True
    if newest is not None and newest.is_declined and _is_after(newest, attempt):
        result = Declined(codes=newest.codes, charge_id=newest.id)
        charged = Charged(result, recovery.amount, newest)
        _record_charged(session, recovery, attempt, charged, now=now)
        return True
    if invoice.status == "open" and not invoice.is_dead:
        return True
    _finish(attempt, AttemptStatus.CANCELED, "The payment was canceled.", now=now)
    return False


def _is_after(charge: ChargeSnapshot, attempt: RetryAttempt) -> bool:
    started = attempt.started_at or attempt.due_at
    # Stripe's clock and ours may differ by some minutes.
    return charge.created is not None and charge.created > started - timedelta(
        minutes=5
    )


def _record_charged(
    session: Session,
    recovery: Recovery,
    attempt: RetryAttempt,
    charged: Charged,
    *,
    now: datetime,
) -> None:
    if charged.charge is not None:
        recovery.stripe_latest_charge_id = charged.charge.id
        attempt.stripe_charge_id = charged.charge.id
    match charged.result:
        case Paid():
            _record_paid(session, recovery, attempt, charged, now=now)
        case Processing():
            attempt.status = AttemptStatus.PROCESSING
            attempt.outcome = "Accepted; the money is on its way."
            recovery.status_reason = "The charge was accepted and is being settled."
        case Declined() | NeedsAction() as refusal:
            _record_refusal(session, recovery, attempt, refusal, charged, now=now)
        case NotPayable() as refused:
            text = f"Stripe would not charge: {refused.message or refused.hint}"
            _finish(attempt, AttemptStatus.CANCELED, text, now=now)
            recovery.look_again = True


def _record_paid(
    session: Session,
    recovery: Recovery,
    attempt: RetryAttempt,
    charged: Charged,
    *,
    now: datetime,
) -> None:
    if charged.charge is not None:
        keep_charges(session, recovery.account_id, [charged.charge])
    _finish(attempt, AttemptStatus.SUCCEEDED, "Approved: the invoice is paid.", now=now)
    attempt.amount = charged.due
    recovery.recovered_amount = charged.due
    _count_retry(recovery)
    put(
        recovery,
        RecoveryStatus.RECOVERED,
        f"Retry {attempt.number} was approved.",
        now=now,
    )
    if recovery.subscription is not None:
        recovery.subscription.recovered_amount += charged.due


def _record_refusal(
    session: Session,
    recovery: Recovery,
    attempt: RetryAttempt,
    refusal: Refusal,
    charged: Charged,
    *,
    now: datetime,
) -> None:
    code = refusal.codes.decline_code or refusal.error_code or "unknown"
    _finish(attempt, AttemptStatus.DECLINED, f"Declined: {code}.", now=now)
    attempt.decline_code = code
    attempt.stripe_charge_id = refusal.charge_id
    _count_retry(recovery)
    charge = charged.charge or _charge_of(refusal, recovery, now=now)
    if charge is not None:
        _keep_own_decline(session, recovery, attempt, charge)
    elif isinstance(refusal, NeedsAction):
        text = "The bank wants the customer to confirm the payment (3D Secure)."
        put(recovery, RecoveryStatus.WAITING_FOR_CUSTOMER, text, now=now)
    if recovery.status is RecoveryStatus.IN_RETRY:
        plan(session, recovery, now=now)


def _keep_own_decline(
    session: Session,
    recovery: Recovery,
    attempt: RetryAttempt,
    charge: ChargeSnapshot,
) -> None:
    recovery.stripe_latest_charge_id = charge.id
    new = keep_charges(
        session,
        recovery.account_id,
        [charge],
        recovery_id=recovery.id,
        made_by={charge.id: MadeBy.METRICSCO},
    )
    for decline in new:
        decline.attempt_id = attempt.id
    if recovery.subscription is not None:
        recovery.subscription.declines += len(new)
    session.flush()


def _charge_of(
    refusal: Refusal, recovery: Recovery, *, now: datetime
) -> ChargeSnapshot | None:
    """The refused charge from the refusal itself, when it could not be read."""
    if refusal.charge_id is None:
        return None
    return ChargeSnapshot(
        id=refusal.charge_id,
        status="failed",
        livemode=recovery.account.livemode,
        created=now,
        amount=recovery.amount,
        currency=recovery.currency,
        customer_id=recovery.stripe_customer_id,
        payment_intent_id=refusal.payment_intent_id,
        payment_method_id=refusal.payment_method_id,
        codes=refusal.codes,
    )


def _count_retry(recovery: Recovery) -> None:
    recovery.retries += 1
    recovery.charges += 1
    if recovery.subscription is not None:
        recovery.subscription.attempts += 1


def _put_back(
    recovery: Recovery, attempt: RetryAttempt, put_back: PutBack, *, now: datetime
) -> None:
    if recovery.status is not RecoveryStatus.IN_RETRY:
        # It was stopped or paused while the call was under way.
        _finish(attempt, AttemptStatus.CANCELED, recovery.status_reason, now=now)
        return
    attempt.status = move_attempt(attempt.status, AttemptStatus.SCHEDULED)
    attempt.due_at = put_back.due_at
    attempt.started_at = None
    attempt.outcome = put_back.reason
    if not put_back.was_asked:
        attempt.asked -= 1
    if recovery.subscription is not None:
        recovery.subscription.next_retry_at = put_back.due_at


def _finish(
    attempt: RetryAttempt, status: AttemptStatus, outcome: str, *, now: datetime
) -> None:
    attempt.status = move_attempt(attempt.status, status)
    attempt.finished_at = now
    attempt.outcome = outcome
