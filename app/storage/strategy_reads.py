"""Named reads about strategies: own ones, and what came of each version."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session, joinedload

from app.domain.recovery import OPEN, AttemptStatus, ClosedAs, RecoveryStatus
from app.storage.models import Recovery, RetryAttempt, StripeAccount
from app.storage.strategy_models import OwnStrategy, StrategyModel

# What a page counts at most: the newest recoveries of the strategy.
COUNTED = 10_000


def own(session: Session, name: str, version: str | None = None) -> OwnStrategy | None:
    """This version of an own strategy; the newest where none, or no known, is named."""
    rows = select(OwnStrategy).where(OwnStrategy.name == name)
    newest = rows.order_by(OwnStrategy.version.desc()).limit(1)
    if version is not None and version.isdecimal() and len(version) < 9:
        exact = rows.where(OwnStrategy.version == int(version))
        return session.scalar(exact) or session.scalar(newest)
    return session.scalar(newest)


def own_versions(session: Session, name: str, *, limit: int) -> Sequence[OwnStrategy]:
    """The newest versions first."""
    return session.scalars(
        select(OwnStrategy)
        .where(OwnStrategy.name == name)
        .options(joinedload(OwnStrategy.created_by))
        .order_by(OwnStrategy.version.desc())
        .limit(limit)
    ).all()


def newest_own(session: Session) -> Sequence[OwnStrategy]:
    """The newest version of each own strategy, by name."""
    newest = (
        select(OwnStrategy.name, func.max(OwnStrategy.version).label("version"))
        .group_by(OwnStrategy.name)
        .subquery()
    )
    return session.scalars(
        select(OwnStrategy)
        .join(
            newest,
            (OwnStrategy.name == newest.c.name)
            & (OwnStrategy.version == newest.c.version),
        )
        .order_by(OwnStrategy.name)
    ).all()


def newest_model(session: Session, account_id: int) -> StrategyModel | None:
    """What was learned last of the account."""
    return session.scalar(
        select(StrategyModel)
        .where(StrategyModel.account_id == account_id)
        .order_by(StrategyModel.version.desc())
        .limit(1)
    )


def model_of(session: Session, account_id: int, version: int) -> StrategyModel | None:
    """What was learned of the account in that version."""
    return session.scalar(
        select(StrategyModel).where(
            StrategyModel.account_id == account_id, StrategyModel.version == version
        )
    )


@dataclass(frozen=True, slots=True)
class Effect:
    """What came of the recoveries that began with one version."""

    version: str
    recoveries: int
    open: int
    recovered: int  # by a retry of ours
    paid: int  # by any route
    retries: int

    @property
    def share(self) -> float | None:
        """Recovered among those that are over; None when none is."""
        over = self.recoveries - self.open
        return self.recovered / over if over else None

    @property
    def paid_share(self) -> float | None:
        """Paid by any route among those that are over."""
        over = self.recoveries - self.open
        return self.paid / over if over else None


def effects(
    session: Session, name: str, *, accounts: frozenset[int] | None
) -> list[Effect]:
    """By version, over the newest recoveries that took the strategy."""
    taken = (
        select(
            func.coalesce(Recovery.strategy_version, "").label("version"),
            Recovery.status,
            Recovery.closed_as,
            Recovery.retries,
        )
        .where(Recovery.strategy == name, *_seen(accounts))
        .order_by(Recovery.started_at.desc())
        .limit(COUNTED)
        .subquery()
    )
    recovered = taken.c.status == RecoveryStatus.RECOVERED
    paid = recovered | (taken.c.closed_as == ClosedAs.PAID_ELSEWHERE)
    rows = session.execute(
        select(
            taken.c.version,
            func.count(),
            _count(taken.c.status.in_(OPEN)),
            _count(recovered),
            _count(paid),
            func.sum(taken.c.retries),
        ).group_by(taken.c.version)
    )
    found = [Effect(v, *(int(number) for number in rest)) for v, *rest in rows]
    return sorted(found, key=_newest_first, reverse=True)


def stated_chances(
    session: Session, *, accounts: frozenset[int] | None
) -> list[tuple[float, bool]]:
    """The newest answered retries with a believed chance: it, and the approval."""
    answered = (AttemptStatus.SUCCEEDED, AttemptStatus.DECLINED)
    of = RetryAttempt
    seen = [] if accounts is None else [of.account_id.in_(sorted(accounts))]
    # Spelled as in the index that serves it, and then some.
    rows = session.execute(
        select(of.probability, of.status)
        .where(of.probability.is_not(None), of.finished_at.is_not(None), *seen)
        .where(of.status.in_(answered))
        .order_by(of.finished_at.desc())
        .limit(COUNTED)
    )
    won = AttemptStatus.SUCCEEDED
    return [(float(chance or 0.0), status is won) for chance, status in rows]


def models(
    session: Session, account_ids: Sequence[int]
) -> list[tuple[str, StrategyModel]]:
    """The newest model of each account that has one, with the account's name."""
    found = [newest_model(session, account_id) for account_id in account_ids]
    rows = [row for row in found if row is not None]
    names = {
        account.id: account.name or account.stripe_account_id
        for account in session.scalars(
            select(StripeAccount).where(
                StripeAccount.id.in_([row.account_id for row in rows])
            )
        )
    }
    return [(names[row.account_id], row) for row in rows]


def on_hand(
    session: Session, *, accounts: frozenset[int] | None, limit: int
) -> Sequence[Recovery]:
    """Open recoveries for a dry run, those with the least time left first."""
    return session.scalars(
        select(Recovery)
        .where(Recovery.status.in_(OPEN), *_seen(accounts))
        .options(joinedload(Recovery.subscription))
        .order_by(Recovery.deadline_at)
        .limit(limit)
    ).all()


def observed(
    session: Session, name: str, *, accounts: frozenset[int] | None, limit: int
) -> Sequence[Recovery]:
    """The newest recoveries that took the strategy, whatever became of them."""
    return session.scalars(
        select(Recovery)
        .where(Recovery.strategy == name, *_seen(accounts))
        .options(joinedload(Recovery.subscription))
        .order_by(Recovery.started_at.desc())
        .limit(limit)
    ).all()


def _count(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))


def _newest_first(effect: Effect) -> tuple[int, str]:
    is_number = effect.version.isdecimal()
    return (int(effect.version) if is_number else -1, effect.version)


def _seen(accounts: frozenset[int] | None) -> list[ColumnElement[bool]]:
    return [] if accounts is None else [Recovery.account_id.in_(sorted(accounts))]
