"""The caps of a card, once more, at the moment of charging.

Each invoice is planned inside the caps. Two invoices that are charged to one card may
be planned apart, and together be one try too many.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.charge_outcomes import PutBack
from app.domain.network_rules import cap_breach
from app.domain.network_rules_data import PUBLISHED
from app.storage.cases import case_of
from app.storage.claims import Claim
from app.storage.crowded import crowded
from app.storage.models import Recovery
from app.storage.transaction import reading

FEWEST_TRIES = min(cap.tries for cap in PUBLISHED.caps)


def put_back(claims: Sequence[Claim], *, now: datetime) -> list[tuple[Claim, PutBack]]:
    """The claims that would break a cap of their card now, and when each fits."""
    if not claims:
        return []
    ids = [claim.recovery_id for claim in claims]
    with reading() as session:
        suspects = crowded(session, ids, tries=FEWEST_TRIES, now=now)
        found = [
            (claim, _put_back(session, claim, now=now))
            for claim in claims
            if claim.recovery_id in suspects
        ]
    return [(claim, outcome) for claim, outcome in found if outcome is not None]


def _put_back(session: Session, claim: Claim, *, now: datetime) -> PutBack | None:
    recovery = session.get_one(Recovery, claim.recovery_id)
    case = case_of(session, recovery, now=now)
    breach = cap_breach(case, now) if case else None
    return PutBack(breach.rule, breach.fits_at) if breach else None
