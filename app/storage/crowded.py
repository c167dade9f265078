"""Which recoveries charge a card that other invoices have filled, or ruled out."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.orm import Session, aliased

from app.domain.declines import DeclineKind
from app.storage.cases import CARD_HISTORY
from app.storage.models import Decline
from app.storage.spelled import padded


@dataclass(slots=True)
class Crowd:
    """The crowded cards of one recovery, by fingerprint. `is_doubtful`: one of them may
    be full, or was refused for good for another invoice."""

    cards: set[str] = field(default_factory=set)
    is_doubtful: bool = False


def crowded(
    session: Session,
    recovery_ids: Collection[int],
    *,
    tries: int,
    full: int,
    now: datetime,
) -> dict[int, Crowd]:
    """Those with a card that was refused at least `tries` times for any invoice, or for
    good for another one; from `full` refusals on it may take no more.

    One query for all, and cheap: few cards are refused that often in a month.
    """
    asked = {
        "recovery_ids": padded(recovery_ids, 0),
        "since": now - CARD_HISTORY,
        "tries": tries,
    }
    found: dict[int, Crowd] = {}
    for recovery_id, card, times, is_hard in session.execute(_CROWDED, asked):
        crowd = found.setdefault(recovery_id, Crowd())
        crowd.cards.add(card)
        crowd.is_doubtful |= bool(is_hard) or times >= full
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
_REFUSED_HARD = func.max(case((_IS_HARD_ELSEWHERE, 1), else_=0))
_CROWDED = (
    select(
        _CARDS.c.recovery_id,
        _CARDS.c.fingerprint,
        func.count(),
        _REFUSED_HARD,
    )
    .join(_EVERY, _EVERY.fingerprint == _CARDS.c.fingerprint)
    .where(_EVERY.occurred_at >= bindparam("since"))
    .group_by(_CARDS.c.recovery_id, _CARDS.c.fingerprint)
    .having((func.count() >= bindparam("tries")) | (_REFUSED_HARD == 1))
)
