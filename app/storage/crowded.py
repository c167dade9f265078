"""Which recoveries charge a card that was refused often of late."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session, aliased

from app.storage.cases import CARD_HISTORY
from app.storage.models import Decline
from app.storage.spelled import padded


def crowded(
    session: Session, recovery_ids: Collection[int], *, tries: int, now: datetime
) -> set[int]:
    """Those with a card that was refused at least `tries` times, for any invoice.

    One query for all, and cheap: few cards are refused that often in a month.
    """
    asked = {
        "recovery_ids": padded(recovery_ids, 0),
        "since": now - CARD_HISTORY,
        "tries": tries,
    }
    return set(session.scalars(_CROWDED, asked))


# Built once: building took four times as long as asking, and it is asked for every
# handful of charges.
_OWN, _EVERY = aliased(Decline), aliased(Decline)
_CARDS = (
    select(_OWN.recovery_id, _OWN.fingerprint)
    .where(
        _OWN.recovery_id.in_(bindparam("recovery_ids", expanding=True)),
        _OWN.fingerprint.is_not(None),
    )
    .distinct()
    .subquery()
)
_CROWDED = (
    select(_CARDS.c.recovery_id)
    .join(_EVERY, _EVERY.fingerprint == _CARDS.c.fingerprint)
    .where(_EVERY.occurred_at >= bindparam("since"))
    .group_by(_CARDS.c.recovery_id, _CARDS.c.fingerprint)
    .having(func.count() >= bindparam("tries"))
)
