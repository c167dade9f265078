"""What a strategy would do, or would have done: decided, and written nowhere."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.cases import Case
from app.domain.declines import Decline, MadeBy
from app.domain.recovery import AttemptStatus
from app.domain.rehearsal import Rehearsal, rehearse
from app.domain.steps import RetryAt, Step, Strategy
from app.domain.strategies.even_spread import EvenSpread
from app.domain.strategies.hands_off import HandsOff
from app.services.planning import step_by
from app.services.strategies import strategy_of
from app.storage import strategy_reads
from app.storage.cases import case_of
from app.storage.models import Recovery, RetryAttempt

AT_ONCE = 100
WATCHED = 25


@dataclass(frozen=True, slots=True)
class Would:
    """One open recovery: what is planned, and what the strategy would do now, in
    which version (an Adaptive that has learned is a version of the account's own)."""

    recovery: Recovery
    decline: Decline
    planned_at: datetime | None
    step: Step
    version: str


@dataclass(frozen=True, slots=True)
class Watched:
    """One recovery that was only watched: Even spread's retries beside Stripe's."""

    recovery: Recovery
    would_have: Rehearsal
    charges: tuple[Decline, ...]  # refused after the first one, whoever made them

    @property
    def retries(self) -> tuple[RetryAt, ...]:
        """Even spread's until the renewal was paid, canceled or otherwise over."""
        over = self.recovery.ended_at
        every = self.would_have.retries
        return tuple(each for each in every if over is None or each.at < over)


def would_do(
    session: Session, name: str, *, accounts: frozenset[int] | None, now: datetime
) -> list[Would]:
    """The strategy's next steps for the declines on hand, at most AT_ONCE of them; for
    each account with what has been learned of it."""
    rows = strategy_reads.on_hand(session, accounts=accounts, limit=AT_ONCE)
    planned = _planned(session, rows)
    of_account: dict[int, Strategy] = {}
    found = []
    for recovery in rows:
        case = case_of(session, recovery, now=now)
        if case is None:
            continue
        account_id = recovery.account_id
        if account_id not in of_account:
            of_account[account_id] = strategy_of(session, name, account_id=account_id)
        strategy = of_account[account_id]
        step = step_by(strategy, recovery, case, now=now)
        at = planned.get(recovery.id)
        found.append(Would(recovery, case.last_decline, at, step, strategy.version))
    return found


def would_have_done(
    session: Session, *, accounts: frozenset[int] | None, now: datetime
) -> list[Watched]:
    """Even spread's schedules for what was only watched, newest first."""
    rows = strategy_reads.observed(
        session, HandsOff.name, accounts=accounts, limit=WATCHED
    )
    found = []
    for recovery in rows:
        case = case_of(session, recovery, now=now)
        if case is not None:
            first = as_it_was(case)
            plan = rehearse(EvenSpread(), first, now=first.declined_at)
            found.append(Watched(recovery, plan, case.declines[1:]))
    return found


def as_it_was(case: Case) -> Case:
    """The case at its first decline: nothing that came later is known."""
    first = case.declines[0]
    at = first.occurred_at
    return replace(
        case,
        declines=(replace(first, made_by=MadeBy.FIRST),),
        charges=1,
        retries=0,
        card_attempts=tuple(each for each in case.card_attempts if each.at <= at),
        past_successes=tuple(each for each in case.past_successes if each < at),
        past_declines=tuple(each for each in case.past_declines if each < at),
        declines_elsewhere=tuple(
            each for each in case.declines_elsewhere if each.occurred_at <= at
        ),
        card_changed_at=None,
    )


def _planned(session: Session, rows: Sequence[Recovery]) -> dict[int, datetime]:
    found = session.scalars(
        select(RetryAttempt).where(
            RetryAttempt.recovery_id.in_([row.id for row in rows]),
            RetryAttempt.status == AttemptStatus.SCHEDULED,
        )
    )
    return {attempt.recovery_id: attempt.due_at for attempt in found}
