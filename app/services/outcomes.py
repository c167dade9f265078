"""Recording what came of our own charges. Never ends a transaction.

An attempt is recorded once: whoever comes second finds it settled and does nothing.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.domain.charge_outcomes import (
    Charged,
    NotCharged,
    Outcome,
    PutBack,
    Unanswered,
)
from app.domain.declines import MadeBy
from app.domain.pay_results import (
    Declined,
    NeedsAction,
    NotPayable,
    Paid,
    Processing,
    Refusal,
)
from app.domain.recovery import IN_FLIGHT, AttemptStatus, RecoveryStatus, move_attempt
from app.domain.snapshots import ChargeSnapshot, InvoiceSnapshot
from app.services.keeping import count_declines, keep_charges
from app.services.planning import plan, put
from app.services.verdicts import CONFIRM
from app.storage.claims import Claim
from app.storage.locks import lock_attempts, lock_recoveries
from app.storage.models import Recovery, RetryAttempt

# An accepted charge of which Stripe then shows nothing is none.
SEEN_WITHIN = timedelta(days=1)
# By so much Stripe's clock and ours may differ.
CLOCKS_DIFFER = timedelta(minutes=5)


def record(
    session: Session, finished: Sequence[tuple[Claim, Outcome]], *, now: datetime
) -> None:
    """Write the outcomes of claimed attempts into the rows, and plan what follows."""
    recoveries = lock_recoveries(session, [claim.recovery_id for claim, _ in finished])
    recovery_of = {recovery.id: recovery for recovery in recoveries}
    attempts = lock_attempts(session, [claim.attempt_id for claim, _ in finished])
    paid: dict[int, list[ChargeSnapshot]] = defaultdict(list)
    for claim, outcome in finished:
        attempt = attempts.get(claim.attempt_id)
        if attempt is not None and _still_counts(attempt, claim, outcome):
            recovery = recovery_of[claim.recovery_id]
            _record(session, recovery, attempt, outcome, now=now)
            paid[recovery.account_id] += _paid_charge(outcome)
    for account_id, charges in paid.items():
        keep_charges(session, account_id, charges)


def _paid_charge(outcome: Outcome) -> list[ChargeSnapshot]:
    """The approved charge to be kept; nothing where there is none, or none was read."""
    match outcome:
        case Charged(Paid(), charge=ChargeSnapshot() as made):
            return [made]
    return []


def _still_counts(attempt: RetryAttempt, claim: Claim, outcome: Outcome) -> bool:
    """What Stripe answered counts until the attempt is settled, for one key has one
    answer. What was concluded from silence counts only for the claim it was about."""
    if isinstance(outcome, Charged):
        return attempt.status in (*IN_FLIGHT, AttemptStatus.SCHEDULED)
    this_one = (attempt.asked, attempt.started_at) == (claim.asked, claim.started_at)
    return attempt.status in IN_FLIGHT and this_one


def _record(
    session: Session,
    recovery: Recovery,
    attempt: RetryAttempt,
    outcome: Outcome,
    *,
    now: datetime,
) -> None:
    match outcome:
        case Charged():
            if attempt.status is AttemptStatus.SCHEDULED:
                # The answer came after all, when the attempt had been put back.
                attempt.status = move_attempt(attempt.status, AttemptStatus.RUNNING)
            _record_charged(session, recovery, attempt, outcome, now=now)
            recovery.look_again |= not outcome.is_all_news
        case NotCharged(reason, was_asked):
            _finish(attempt, AttemptStatus.CANCELED, reason, now=now)
            recovery.look_again = True
            if was_asked:
                _note_no_charge(recovery, now=now)
        case PutBack():
            _put_back(recovery, attempt, outcome, now=now)
            recovery.look_again |= outcome.is_unread
        case Unanswered(reason, is_at_it):
            if attempt.status is AttemptStatus.RUNNING:
                attempt.status = move_attempt(attempt.status, AttemptStatus.UNKNOWN)
            attempt.outcome = reason
            if is_at_it:
                attempt.asked -= 1


def settle_processing(
    session: Session,
    recovery: Recovery,
    invoice: InvoiceSnapshot,
    charges: list[ChargeSnapshot],
    *,
    now: datetime,
) -> bool:
    """Settle an accepted charge whose money was not there yet; True when it stands
    or brought the money. While it stands, nothing else may be planned or ended.

    The caller keeps the charges.
    """
    attempt = next(
        (a for a in recovery.attempts if a.status is AttemptStatus.PROCESSING), None
    )
    if attempt is None:
        return False
    made = _own_charge(recovery, attempt, charges)
    if made is not None and made.is_declined:
        # Before the invoice: when ours bounced, another payment may have paid it since.
        refused = Declined(codes=made.codes, charge_id=made.id)
        charged = Charged(refused, made.amount, made)
        _record_charged(session, recovery, attempt, charged, now=now)
        return False
    if invoice.status == "paid" and made is not None and made.status == "succeeded":
        paid = Paid(invoice.amount_paid, invoice.currency)
        charged = Charged(paid, made.amount, made)
        _record_charged(session, recovery, attempt, charged, now=now)
        return True
    is_moving = made is not None or invoice.is_settling
    is_young = now - (attempt.started_at or attempt.due_at) < SEEN_WITHIN
    if invoice.status == "open" and not invoice.is_dead and (is_moving or is_young):
        return True
    _finish(attempt, AttemptStatus.CANCELED, _how_it_ended(invoice), now=now)
    return False


def _how_it_ended(invoice: InvoiceSnapshot) -> str:
    if invoice.status == "paid":
        return "The invoice was paid another way."
    if invoice.status == "open" and not invoice.is_dead:
        return "Stripe accepted it, but shows no charge and no payment under way."
    return "The payment was canceled."


def _own_charge(
    recovery: Recovery, attempt: RetryAttempt, charges: list[ChargeSnapshot]
) -> ChargeSnapshot | None:
    """The charge that this attempt made: the first since then that was not refused
    before, for nobody can charge an invoice whose payment is being settled."""
    since = (attempt.started_at or attempt.due_at) - CLOCKS_DIFFER
    known = {decline.stripe_charge_id for decline in recovery.declines}
    return next(
        (
            charge
            for charge in charges
            if charge.created and charge.created > since and charge.id not in known
        ),
        None,
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
            _record_paid(recovery, attempt, charged, now=now)
        case Processing():
            attempt.status = AttemptStatus.PROCESSING
            attempt.outcome = "Accepted; the money is on its way."
            recovery.status_reason = "The charge was accepted and is being settled."
        case Declined() | NeedsAction() as refusal:
            _record_refusal(session, recovery, attempt, refusal, charged, now=now)
        case NotPayable() as refused:
            text = f"Stripe would not charge: {refused.message or refused.hint}"
            _finish(attempt, AttemptStatus.CANCELED, text, now=now)
            _note_no_charge(recovery, now=now)
            recovery.look_again = True


def _note_no_charge(recovery: Recovery, *, now: datetime) -> None:
    """Stripe would not charge at all: the next try waits, longer each time."""
    recovery.stripe_refused_at = now
    recovery.stripe_refusals += 1


def _record_paid(
    recovery: Recovery,
    attempt: RetryAttempt,
    charged: Charged,
    *,
    now: datetime,
) -> None:
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
    is_new = charge is not None and _keep_own_decline(
        session, recovery, attempt, charge
    )
    if not is_new:
        # No charge that we did not know: its codes stand on no decline, such as the
        # limit of a card's refusals in a day. Not again before tomorrow, and not
        # before Stripe was asked whether there is one after all.
        recovery.stripe_refused_at = now
        recovery.look_again = True
    if recovery.status is not RecoveryStatus.IN_RETRY:
        return  # it was ended while the charge was under way
    if isinstance(refusal, NeedsAction) and not is_new:
        # No new charge whose codes would say it: Stripe stopped before the bank.
        put(recovery, RecoveryStatus.WAITING_FOR_CUSTOMER, CONFIRM, now=now)
    else:
        plan(session, recovery, now=now)


def _keep_own_decline(
    session: Session,
    recovery: Recovery,
    attempt: RetryAttempt,
    charge: ChargeSnapshot,
) -> bool:
    """Keep the refused charge of this attempt; False when it was known before."""
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
    count_declines(recovery.subscription, new)
    _date_card_before(recovery, charge)
    if new:
        recovery.stripe_refusals = 0
    session.flush()
    return bool(new)


def _date_card_before(recovery: Recovery, charge: ChargeSnapshot) -> None:
    """A new card that we know of was the one charged: date it before its charge.

    Stripe counts whole seconds by a clock of its own: dated by ours, the card could
    seem to come after its own refusal, and be tried again at once.
    """
    changed_at = recovery.card_changed_at
    if changed_at and charge.created and charge.created < changed_at:
        recovery.card_changed_at = charge.created


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
