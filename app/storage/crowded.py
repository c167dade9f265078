"""Which recoveries charge a card that was refused often of late."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from app.storage.cases import CARD_HISTORY
from app.storage.models import Decline


def crowded(
    session: Session, recovery_ids: Collection[int], *, tries: int, now: datetime
) -> set[int]:
    """Those with a card that was refused at least `tries` times, for any invoice.

    One query for all, and cheap: few cards are refused that often in a month.
    """
    own, every = aliased(Decline), aliased(Decline)
    cards = (
        select(own.recovery_id, own.fingerprint)
        .where(own.recovery_id.in_(recovery_ids), own.fingerprint.is_not(None))
        .distinct()
        .subquery()
    )
    return set(
        session.scalars(
            select(cards.c.recovery_id)
            .join(every, every.fingerprint == cards.c.fingerprint)
            .where(every.occurred_at >= now - CARD_HISTORY)
            .group_by(cards.c.recovery_id, cards.c.fingerprint)
            .having(func.count() >= tries)
        )
    )
