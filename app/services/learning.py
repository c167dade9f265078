"""Learning from an account's own recoveries, once a day, where Adaptive decides."""

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.domain.account import ConnectionStatus
from app.domain.cases import Case
from app.domain.recovery import ENDED, AttemptStatus
from app.domain.strategies import ADAPTIVE
from app.storage import strategy_reads
from app.storage.cases import case_of
from app.storage.models import Recovery, RetryAttempt, StripeAccount
from app.storage.strategy_models import Experiment, StrategyModel
from app.storage.transaction import reading, transaction

if TYPE_CHECKING:
    from app.domain.strategies.adaptive import Episode, Model

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
# Fewer new answers than this change no share by much.
LEAST_NEWS = 20
_AT_ONCE = 200
_ANSWERED = (AttemptStatus.SUCCEEDED, AttemptStatus.DECLINED)
# Evidence of Adaptive's own choices, as its decision card spells them.
_DEPARTURES = frozenset({"model", "exploration"})


def learn_anew(*, now: datetime) -> int:
    """A new model for each account where it is due; how many were made."""
    with reading() as session:
        due = [id_ for id_ in _in_use(session) if _is_due(session, id_, now=now)]
    if not due:
        return 0
    # Imported when an account uses it: numpy takes 16 MB of a process meant for 120.
    from app.domain.strategies.adaptive import Model, learn

    for account_id in due:
        model = learn(Model.fresh(), episodes_of(account_id, now=now))
        keep(account_id, model, now=now)
        log.info("learned of account %s from %s cases", account_id, model.closed)
    return len(due)


def keep(account_id: int, model: "Model", *, now: datetime) -> int:
    """Store the model as the account's newest; its version.

    Older ones stay (8 kB a day at most), so that every decision can be computed again.
    """
    with transaction() as session:
        newest = strategy_reads.newest_model(session, account_id)
        version = newest.version + 1 if newest else 1
        session.add(
            StrategyModel(
                account_id=account_id,
                version=version,
                learned_at=now,
                closed=model.closed,
                answered=model.answered,
                skill=model.skill,
                body=model.to_json(),
            )
        )
        return version


def episodes_of(account_id: int, *, now: datetime) -> "list[Episode]":
    """The account's newest recoveries as the learner wants them, open ones included;
    where there are many, an even part of the last weeks'."""
    from app.domain.strategies.adaptive.learning import MOST_CASES, SPAN

    with reading() as session:
        own = Recovery.account_id == account_id
        recent = session.scalar(
            select(func.count()).where(own, Recovery.started_at >= now - SPAN)
        )
        # Of a large merchant every n-th: the newest 2,000 are all of last week.
        each = max(1, math.ceil((recent or 0) / MOST_CASES))
        ids = session.scalars(
            select(Recovery.id)
            .where(own, Recovery.id % each == 0)
            .order_by(Recovery.started_at.desc())
            .limit(MOST_CASES)
        ).all()
    found: list[Episode] = []
    for first in range(0, len(ids), _AT_ONCE):
        # A session for each part: no state of the database is held for seconds.
        with reading() as session:
            for recovery in _recoveries(session, ids[first : first + _AT_ONCE]):
                episode = _episode(session, recovery, now=now)
                if episode is not None:
                    found.append(episode)
    return found


def _recoveries(session: Session, ids: Sequence[int]) -> Sequence[Recovery]:
    return session.scalars(
        select(Recovery)
        .where(Recovery.id.in_(ids))
        .options(
            joinedload(Recovery.subscription),
            selectinload(Recovery.attempts),
            selectinload(Recovery.declines),
        )
    ).all()


def _episode(
    session: Session, recovery: Recovery, *, now: datetime
) -> "Episode | None":
    from app.domain.strategies.adaptive import Episode

    until = min(now, recovery.ended_at or now)
    case = case_of(session, recovery, now=until)
    if case is None:
        return None
    answers = {
        each.attempt_id: each.occurred_at
        for each in recovery.declines
        if each.attempt_id
    }
    paid_at = None
    departed: list[datetime] = []
    believed: list[tuple[datetime, float]] = []
    for attempt in recovery.attempts:
        at = answers.get(attempt.id)
        if attempt.status is AttemptStatus.SUCCEEDED:
            at = paid_at = attempt.started_at or attempt.due_at
        if at is None:
            continue
        if attempt.evidence.get("plan") in _DEPARTURES:
            departed.append(at)
        if attempt.probability is not None:
            believed.append((at, attempt.probability))
    return Episode(
        case=_as_known_before(case),
        paid_at=paid_at,
        departed=tuple(departed),
        believed=tuple(believed),
        closed=recovery.status in ENDED,
    )


def _as_known_before(case: Case) -> Case:
    """Without what the customer paid since: it would foretell the answers."""
    at = case.declined_at
    return replace(
        case,
        past_successes=tuple(each for each in case.past_successes if each < at),
        past_declines=tuple(each for each in case.past_declines if each < at),
    )


def _in_use(session: Session) -> Sequence[int]:
    """Connected accounts on which Adaptive decides, by choice or by experiment."""
    name = ADAPTIVE
    dealt = exists().where(
        Experiment.account_id == StripeAccount.id,
        Experiment.stopped_at.is_(None),
        or_(Experiment.control == name, Experiment.treatment == name),
    )
    return session.scalars(
        select(StripeAccount.id).where(
            StripeAccount.status != ConnectionStatus.DISCONNECTED,
            or_(StripeAccount.strategy == name, dealt),
        )
    ).all()


def _is_due(session: Session, account_id: int, *, now: datetime) -> bool:
    newest = strategy_reads.newest_model(session, account_id)
    if newest is not None and now - newest.learned_at < EVERY:
        return False
    answered = select(RetryAttempt.id).where(
        RetryAttempt.account_id == account_id,
        RetryAttempt.status.in_(_ANSWERED),
        RetryAttempt.started_at.is_not(None),
        RetryAttempt.finished_at.is_not(None),
    )
    if newest is not None:
        answered = answered.where(RetryAttempt.finished_at > newest.learned_at)
    enough = answered.limit(LEAST_NEWS).subquery()
    return session.scalar(select(func.count()).select_from(enough)) == LEAST_NEWS
