"""What our rows tell about Stripe's settings: the settings doctor's evidence."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.domain.declines import DeclineKind, MadeBy
from app.domain.recovery import RecoveryStatus
from app.domain.settings_doctor import InvoiceSeen, SubscriptionSeen
from app.storage.models import FAILED_SUBSCRIPTION, Recovery, Subscription

# Enough to weigh; the newest decide, and a page must not wait for more.
MOST_INVOICES = 100
MOST_SUBSCRIPTIONS = 20
# Older proof says how things were, not how they are.
FRESH = timedelta(days=60)
# Stripe may leave declines of cards issued there alone, whatever is set
# (docs.stripe.com/billing/revenue-recovery/smart-retries, April 2026).
LEFT_ALONE_COUNTRIES = frozenset({"IN"})

_STILL_DUE = frozenset(RecoveryStatus) - {
    RecoveryStatus.RECOVERED,
    RecoveryStatus.CLOSED,
}


def invoices_seen(
    session: Session, account_id: int, *, now: datetime
) -> list[InvoiceSeen]:
    """The newest declined renewals of the account, as they were last seen."""
    rows = session.scalars(
        select(Recovery)
        .where(Recovery.account_id == account_id, Recovery.started_at > now - FRESH)
        .order_by(Recovery.started_at.desc())
        .limit(MOST_INVOICES)
        .options(
            selectinload(Recovery.declines),
            selectinload(Recovery.attempts),
            joinedload(Recovery.subscription),
        )
    )
    return [seen for row in rows if (seen := _invoice(row))]


def subscriptions_seen(
    session: Session, account_id: int, *, now: datetime
) -> list[SubscriptionSeen]:
    """Subscriptions that Stripe's settings ended or turned unpaid."""
    rows = session.scalars(
        select(Subscription)
        .where(
            Subscription.account_id == account_id,
            FAILED_SUBSCRIPTION,  # spelled as in the index that serves it
        )
        .order_by(Subscription.id.desc())
        .limit(MOST_SUBSCRIPTIONS)
    )
    seen = [
        SubscriptionSeen(
            subscription_id=row.stripe_subscription_id,
            status=row.status,
            cancellation_reason=row.cancellation_reason,
            at=row.ended_at or row.seen_at,
        )
        for row in rows
    ]
    return [one for one in seen if one.at > now - FRESH]


def _invoice(row: Recovery) -> InvoiceSeen | None:
    if not row.declines:
        return None
    first = row.declines[0]
    is_open = row.status in _STILL_DUE
    # What our own retry paid had been left to us until then: each retry first reads
    # the invoice, and does not charge while Stripe has a try of its own planned.
    ours_paid = row.status is RecoveryStatus.RECOVERED
    own_tries = [a.started_at for a in row.attempts if a.started_at is not None]
    looks = [row.looked_at] if is_open else []
    return InvoiceSeen(
        invoice_id=row.stripe_invoice_id,
        declined_at=first.occurred_at,
        looked_at=max(looks + own_tries, default=first.occurred_at),
        is_open=is_open or ours_paid,
        is_retryable=(
            first.kind in {DeclineKind.SOFT, DeclineKind.TECHNICAL}
            and first.country not in LEFT_ALONE_COUNTRIES
        ),
        stripe_retries_at=row.stripe_retries_at,
        stripe_tried_at=max(
            (d.occurred_at for d in row.declines if d.made_by is MadeBy.STRIPE),
            default=None,
        ),
        subscription_status=_status(row, ours_paid=ours_paid),
    )


def _status(row: Recovery, *, ours_paid: bool) -> str | None:
    if row.subscription is None:
        return None
    # Paying it made it active again; before, it was overdue or it could not have.
    return "past_due" if ours_paid else row.subscription.status
