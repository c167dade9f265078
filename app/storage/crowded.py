"""Which recoveries charge a card that other invoices have filled, or ruled out."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.orm import Session, aliased

from app.domain.declines import DeclineKind
from app.storage.cases import CARD_HISTORY
from app.storage.models import Decline
from app.storage.spelled import padded


def crowded(
    session: Session, recovery_ids: Collection[int], *, tries: int, now: datetime
) -> dict[int, set[str]]:
    """Those with a card that was refused at least `tries` times for any invoice, or for
    good for another one; and the fingerprints of such cards.

    One query for all, and cheap: few cards are refused that often in a month.
    """
    asked = {
        "recovery_ids": padded(recovery_ids, 0),
        "since": now - CARD_HISTORY,
        "tries": tries,
    }
    found: dict[int, set[str]] = {}
    for recovery_id, fingerprint in session.execute(_CROWDED, asked):
        found.setdefault(recovery_id, set()).add(fingerprint)
    return found


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
_IS_HARD_ELSEWHERE = (_EVERY.kind == DeclineKind.HARD) & (
    _EVERY.recovery_id.is_distinct_from(_CARDS.c.recovery_id)
)
_CROWDED = (
    select(_CARDS.c.recovery_id, _CARDS.c.fingerprint)
    .join(_EVERY, _EVERY.fingerprint == _CARDS.c.fingerprint)
    .where(_EVERY.occurred_at >= bindparam("since"))
    .group_by(_CARDS.c.recovery_id, _CARDS.c.fingerprint)
    .having(
        (func.count() >= bindparam("tries"))
        | (func.max(case((_IS_HARD_ELSEWHERE, 1), else_=0)) == 1)
    )
)
