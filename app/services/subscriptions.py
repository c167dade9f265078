"""Looking at a subscription at Stripe, and following what it says."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.recovery import IN_FLIGHT, OPEN, AttemptStatus, ClosedAs, PauseCause
from app.domain.snapshots import SubscriptionSnapshot
from app.domain.standing import Judgment, Standing
from app.services import set_aside
from app.services.connections import gateway_of
from app.services.keeping import keep_customer, keep_subscription
from app.services.lifecycles import follow_stripe
from app.services.planning import plan
from app.services.verdicts import close
from app.storage.claims import live_attempt
from app.storage.locks import lock_recoveries
from app.storage.models import Recovery
from app.storage.transaction import transaction

CANCELED = Judgment(Standing.OVER, "The subscription was canceled.", ClosedAs.CANCELED)


def look(account_id: int, stripe_subscription_id: str, *, now: datetime) -> None:
    """Ask Stripe how the subscription stands and follow it.

    Raises StripeTrouble when Stripe gives no answer; nothing is written then.
    """
    seen = gateway_of(account_id).subscription(stripe_subscription_id)
    if seen is None:
        return
    try:
        concerned = _follow(account_id, seen, now=now)
    except IntegrityError:
        # Another process wrote the subscription first; now its row is there to follow.
        concerned = _follow(account_id, seen, now=now)
    for stripe_invoice_id in concerned:
        set_aside.look(account_id, stripe_invoice_id, now=now, with_card=True)


def _follow(account_id: int, seen: SubscriptionSnapshot, *, now: datetime) -> list[str]:
    """Write the news down; the invoices that have to be looked at because of it."""
    with transaction() as session:
        row = keep_subscription(session, account_id, seen, now=now)
        keep_customer(row, seen.customer)
        follow_stripe(row, seen)
        session.flush()
        ids = session.scalars(
            select(Recovery.id).where(
                Recovery.subscription_id == row.id, Recovery.status.in_(OPEN)
            )
        )
        open_ones = [r for r in lock_recoveries(session, ids) if r.status in OPEN]
        if seen.is_over:
            for recovery in open_ones:
                _close(session, recovery, now=now)
            return []
        for recovery in open_ones:
            _shorten(session, recovery, now=now)
        return [r.stripe_invoice_id for r in open_ones if _is_concerned(r, seen)]


def _close(session: Session, recovery: Recovery, *, now: datetime) -> None:
    attempt = live_attempt(session, recovery.id)
    if attempt is not None and attempt.status in IN_FLIGHT:
        recovery.look_again = True  # the answer on its way may be money
    else:
        close(session, recovery, CANCELED, now=now)


def _shorten(session: Session, recovery: Recovery, *, now: datetime) -> None:
    """The subscription ends sooner than the window: so do the retries."""
    cancel_at = recovery.subscription.cancel_at if recovery.subscription else None
    if cancel_at is None or cancel_at >= recovery.deadline_at:
        return
    recovery.deadline_at = cancel_at
    attempt = live_attempt(session, recovery.id)
    if attempt and attempt.status is AttemptStatus.SCHEDULED:
        plan(session, recovery, now=now)


def _is_concerned(recovery: Recovery, seen: SubscriptionSnapshot) -> bool:
    """Whether its invoice may stand differently: another card, paused, resumed."""
    own_card = seen.default_payment_method or seen.default_source
    if own_card is None:
        other_card = recovery.card_set_on == "subscription"  # now the customer's own
    else:
        other_card = own_card != recovery.stripe_payment_method_id
    paused = seen.status == "paused" or seen.pause_behavior is not None
    was_paused = recovery.paused_because is PauseCause.PAUSED_AT_STRIPE
    return other_card or paused != was_paused
