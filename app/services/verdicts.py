"""What the state of an invoice at Stripe does to its recovery: go on, hold, or end.
Never ends a transaction."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.declines import MadeBy
from app.domain.looks import Look
from app.domain.recovery import OPEN, ClosedAs, PauseCause, RecoveryStatus
from app.domain.standing import Judgment, Standing, judge
from app.services.lifecycles import follow_payment
from app.services.planning import pause, plan, put
from app.storage.claims import live_attempt, withdraw
from app.storage.models import Recovery

# Paused for something at Stripe; when it is over, we go on.
HELD_AT_STRIPE = frozenset(
    {
        PauseCause.PAUSED_AT_STRIPE,
        PauseCause.STRIPE_RETRIES,
        PauseCause.SETTLING,
    }
)
# Ends that a payment changes nothing about.
_PAID_OR_LEFT = (ClosedAs.PAID_ELSEWHERE, ClosedAs.DISCONNECTED)
NO_CARD = "There was no card to charge. The customer has to add one."
CONFIRM = "The bank wants the customer to confirm the payment (3D Secure)."
NO_CHARGE = (
    "Stripe made no charge, and shows no reason. The customer can pay on the invoice's "
    "page."
)


def move_on(
    session: Session,
    recovery: Recovery,
    look: Look,
    *,
    is_news: bool,
    new_card: bool,
    now: datetime,
) -> None:
    """Do what Stripe's state of the invoice demands; `is_news`: a new refusal."""
    verdict = judge(look.invoice)
    match verdict.standing:
        case Standing.PAID:
            _end_paid(session, recovery, look, now=now)
        case Standing.OVER:
            close(session, recovery, verdict, now=now)
        case Standing.DEAD:
            end(session, recovery, RecoveryStatus.TERMINATED, verdict.reason, now=now)
        case Standing.PAUSED_AT_STRIPE:
            _hold(session, recovery, PauseCause.PAUSED_AT_STRIPE, verdict, now=now)
        case Standing.STRIPE_RETRIES:
            _hold(session, recovery, PauseCause.STRIPE_RETRIES, verdict, now=now)
        case Standing.SETTLING:
            _hold(session, recovery, PauseCause.SETTLING, verdict, now=now)
        case Standing.PAYABLE:
            _take_up(
                session, recovery, look, is_news=is_news, new_card=new_card, now=now
            )


def _end_paid(
    session: Session, recovery: Recovery, look: Look, *, now: datetime
) -> None:
    was_closed_as = recovery.closed_as
    if recovery.status is RecoveryStatus.RECOVERED or was_closed_as in _PAID_OR_LEFT:
        return
    if look.invoice.is_paid_out_of_band:
        reason = "Paid outside of Stripe: somebody marked the invoice as paid."
    elif was_closed_as is ClosedAs.SENT:
        reason = "Paid by hand, after it was sent to the customer."
    elif look.newest_made_by is MadeBy.METRICSCO:
        reason = "Paid by a retry of ours that these records do not remember."
    else:
        reason = (
            "Paid by a charge that was not ours: the customer, the staff or Stripe's "
            "own retry."
        )
    verdict = Judgment(Standing.PAID, reason, ClosedAs.PAID_ELSEWHERE)
    close(session, recovery, verdict, now=now)
    if was_closed_as is not None:  # written off, canceled or sent, and paid after all
        recovery.closed_as, recovery.status_reason = verdict.closed_as, reason
        recovery.ended_at = now
    if recovery.subscription and was_closed_as is not ClosedAs.CANCELED:
        follow_payment(recovery.subscription, look.invoice)


def close(
    session: Session, recovery: Recovery, verdict: Judgment, *, now: datetime
) -> None:
    """End the recovery from outside: nothing planned remains."""
    was = recovery.status
    end(session, recovery, RecoveryStatus.CLOSED, verdict.reason, now=now)
    if recovery.status is not was:
        recovery.closed_as = verdict.closed_as
    elif recovery.closed_as is ClosedAs.SENT is not verdict.closed_as:
        # How it went on with an invoice that the customer was to pay by hand.
        recovery.closed_as, recovery.status_reason = verdict.closed_as, verdict.reason
        recovery.ended_at = now


def end(
    session: Session,
    recovery: Recovery,
    status: RecoveryStatus,
    reason: str,
    *,
    now: datetime,
) -> None:
    """Put the recovery to an end, unless it has one that is as good."""
    withdraw(session, recovery.id, reason, now=now)
    if recovery.status in (RecoveryStatus.RECOVERED, RecoveryStatus.CLOSED, status):
        return
    if recovery.status not in OPEN and status is not RecoveryStatus.CLOSED:
        return
    put(recovery, status, reason, now=now)


def _hold(
    session: Session,
    recovery: Recovery,
    cause: PauseCause,
    verdict: Judgment,
    *,
    now: datetime,
) -> None:
    """Keep still while something at Stripe stands against a charge."""
    if recovery.status not in OPEN or recovery.paused_because is PauseCause.PERSON:
        return
    withdraw(session, recovery.id, verdict.reason, now=now)
    pause(recovery, cause, verdict.reason, now=now)


def _take_up(
    session: Session,
    recovery: Recovery,
    look: Look,
    *,
    is_news: bool,
    new_card: bool,
    now: datetime,
) -> None:
    """The invoice can be charged: plan where there is news, or no plan stands."""
    if recovery.status is RecoveryStatus.TERMINATED and new_card:
        put(recovery, RecoveryStatus.IN_RETRY, "The card was replaced.", now=now)
    if recovery.status not in OPEN or recovery.paused_because is PauseCause.PERSON:
        return
    was_held = recovery.paused_because in HELD_AT_STRIPE
    lacks_plan = (
        recovery.status is RecoveryStatus.IN_RETRY
        and live_attempt(session, recovery.id) is None
    )
    has_no_card = recovery.stripe_payment_method_id is None
    if has_no_card and recovery.stripe_refused_at is not None:
        withdraw(session, recovery.id, NO_CARD, now=now)
        put(recovery, RecoveryStatus.WAITING_FOR_CUSTOMER, NO_CARD, now=now)
        return
    if not (is_news or new_card or was_held or lacks_plan):
        return
    if plan(session, recovery, now=now) is None:
        reason = _why_no_charge(recovery, look)
        put(recovery, RecoveryStatus.WAITING_FOR_CUSTOMER, reason, now=now)


def _why_no_charge(recovery: Recovery, look: Look) -> str:
    """Why there is an attempt of Stripe's and no charge."""
    if look.invoice.wants_customer:
        return CONFIRM
    return NO_CARD if recovery.stripe_payment_method_id is None else NO_CHARGE
