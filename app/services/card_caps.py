"""The limits of a card, once more, at the moment of charging.

Each invoice is planned inside them. Two invoices that are charged to one card may be
planned apart, and together be one try too many; or the bank rules the card out for one
while the retry of the other is planned already.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.domain.charge_outcomes import NotCharged, PutBack
from app.domain.network_rules import cap_breach, hard_stop
from app.domain.network_rules_data import PUBLISHED
from app.storage.cases import case_of
from app.storage.claims import Claim
from app.storage.crowded import Crowd, crowded
from app.storage.models import Recovery
from app.storage.transaction import reading

Refused = PutBack | NotCharged

FEWEST_TRIES = min(cap.tries for cap in PUBLISHED.caps)
# From so many refusals on, charges of a card follow each other one by one: each of the
# invoices that are due together was refused on it once at least, so only where they are
# more than half of what the strictest cap allows could they break it together.
ONE_BY_ONE_FROM = FEWEST_TRIES // 2
ONE_BY_ONE = "Another charge of this card is under way: one after the other."
# As long as a charge may take.
UNTIL_THE_OTHER_IS_DONE = timedelta(minutes=2)


def hold_back(
    claims: Sequence[Claim], running: Collection[Claim], *, now: datetime
) -> list[tuple[Claim, Refused]]:
    """The claims that would break a limit of their card now, and what becomes of each.

    `running` are charges under way.
    """
    if not claims:
        return []
    with reading() as session:
        cards = _crowded(session, claims, now=now)
        if not cards:
            return []
        under_way = _crowded(session, running, now=now)
        taken = set[str]().union(*(crowd.cards for crowd in under_way.values()))
        found: list[tuple[Claim, Refused]] = []
        for claim in claims:
            crowd = cards.get(claim.recovery_id)
            if crowd is None:
                continue
            outcome = _refused(session, claim, now=now) if crowd.is_doubtful else None
            if outcome is None and crowd.cards & taken:
                outcome = PutBack(ONE_BY_ONE, now + UNTIL_THE_OTHER_IS_DONE)
            if outcome is None:
                taken |= crowd.cards
            else:
                found.append((claim, outcome))
    return found


def _crowded(
    session: Session, claims: Collection[Claim], *, now: datetime
) -> dict[int, Crowd]:
    ids = [claim.recovery_id for claim in claims]
    if not ids:
        return {}
    return crowded(session, ids, tries=ONE_BY_ONE_FROM, full=FEWEST_TRIES, now=now)


def _refused(session: Session, claim: Claim, *, now: datetime) -> Refused | None:
    recovery = session.get_one(Recovery, claim.recovery_id)
    case = case_of(session, recovery, now=now)
    if case is None:
        return None
    stop = hard_stop(case)
    if stop is not None:
        return NotCharged(stop.reason)
    breach = cap_breach(case, now)
    return PutBack(breach.rule, breach.fits_at) if breach else None
