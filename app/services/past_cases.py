"""Two strategies led through an account's own closed recoveries."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.backtest.history import Comparison, PastCase, compare
from app.domain.declines import Codes
from app.domain.money import Money
from app.domain.recovery import ENDED, AttemptStatus
from app.domain.strategies import ADAPTIVE
from app.services.dry_runs import as_it_was
from app.services.strategies import strategy_of
from app.storage.cases import case_of
from app.storage.models import Recovery

# About two seconds of one core each: Adaptive thinks some milliseconds a step.
MOST = 700
MOST_WITH_ADAPTIVE = 250


@dataclass(frozen=True, slots=True)
class BackTest:
    """What the newest closed recoveries, at most `most`, say about two strategies.

    `replaced` of them are left out: their later answers are another card's.
    """

    recoveries: int
    replaced: int
    most: int
    found: Comparison


def back_test(
    session: Session, first: str, second: str, *, accounts: frozenset[int] | None
) -> BackTest:
    """Both strategies in their newest version; Adaptive with the shipped prior, for
    what it has learned it learned from these very recoveries."""
    most = MOST_WITH_ADAPTIVE if ADAPTIVE in {first, second} else MOST
    rows = _newest_closed(session, accounts, most)
    same_card = [row for row in rows if not _card_was_replaced(row)]
    past = [case for row in same_card if (case := _past_case(session, row)) is not None]
    found = compare(strategy_of(session, first), strategy_of(session, second), past)
    return BackTest(len(rows), len(rows) - len(same_card), most, found)


def _newest_closed(
    session: Session, accounts: frozenset[int] | None, most: int
) -> list[Recovery]:
    seen = [] if accounts is None else [Recovery.account_id.in_(accounts)]
    return list(
        session.scalars(
            select(Recovery)
            .where(Recovery.status.in_(ENDED), Recovery.declines.any(), *seen)
            .options(
                joinedload(Recovery.subscription),
                selectinload(Recovery.attempts),
                selectinload(Recovery.declines),
            )
            .order_by(Recovery.started_at.desc(), Recovery.id.desc())
            .limit(most)
        )
    )


def _card_was_replaced(recovery: Recovery) -> bool:
    cards = {each.fingerprint for each in recovery.declines if each.fingerprint}
    return recovery.card_changed_at is not None or len(cards) > 1


def _past_case(session: Session, recovery: Recovery) -> PastCase | None:
    first, *later = recovery.declines
    case = case_of(session, recovery, now=first.occurred_at)
    if case is None:
        return None
    # What is still due may be nothing by now; the first charge says what it was.
    asked = Money(first.amount, first.currency)
    tries: list[tuple[datetime, Codes | None]] = [
        (each.occurred_at, each.codes) for each in later
    ]
    tries += [
        (each.started_at or each.due_at, None)
        for each in recovery.attempts
        if each.status is AttemptStatus.SUCCEEDED
    ]
    tries.sort(key=lambda each: each[0])
    return PastCase(replace(as_it_was(case), amount=asked), tuple(tries))
