"""What an operator does about stored events: send one through handling again."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.account import EventStatus
from app.services.audit import note
from app.services.deliveries import reception
from app.storage.models import StripeAccount, StripeEvent
from app.storage.transaction import transaction
from app.stripe_gateway import reopened


class CannotReplay(Exception):
    """Nothing was changed; the text says why."""


def replay(event_id: int, *, user_id: int | None, now: datetime) -> None:
    """Handle the event again, at once; raises CannotReplay with a sentence.

    Harmless whenever: handling looks at Stripe anew and finds what is true now.
    """
    with transaction() as session:
        event = session.get(StripeEvent, event_id)
        if event is None:
            raise CannotReplay("There is no such event.")
        if event.account_id is None:
            event.account_id = _account_of(session, event)
        event.status = EventStatus.PENDING
        event.try_at = now
        event.tries = 0
        event.note = event.handled_at = None
        note(
            session,
            "event.replayed",
            detail=event.stripe_event_id,
            account_id=event.account_id,
            user_id=user_id,
            now=now,
        )
    reception().inbox.arrived.set()


def _account_of(session: Session, event: StripeEvent) -> int:
    """The account of an event that was nobody's when it came."""
    stripe_account_id = reopened(event.payload).account
    account_id = session.scalar(
        select(StripeAccount.id).where(
            StripeAccount.stripe_account_id == stripe_account_id,
            StripeAccount.livemode == event.livemode,
        )
    )
    if account_id is None:
        raise CannotReplay("It belongs to no account that is connected here.")
    return account_id
