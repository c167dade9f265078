"""Which strategy decides for whom: the built-in ones and the merchant's own."""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.account import ConnectionStatus
from app.domain.cases import Case
from app.domain.steps import NoPlan, Step, Strategy
from app.domain.strategies import ADAPTIVE, ALL, strategy_named
from app.domain.strategies.own import OwnStrategy
from app.domain.strategies.own_json import BadDefinition, from_json
from app.domain.strategies.portraits import PORTRAITS
from app.services.audit import note
from app.storage import strategy_reads
from app.storage.models import StripeAccount
from app.storage.strategy_models import OwnStrategy as OwnRow
from app.storage.transaction import transaction

log = logging.getLogger(__name__)


class StrategyRefused(Exception):
    """What was asked cannot be; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A strategy that may be chosen for an account."""

    name: str
    title: str
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Learned:
    """Adaptive with what it has learned of an account; the version names the model."""

    strategy: Strategy
    version: str
    name: str = ADAPTIVE

    def next_step(self, case: Case, *, now: datetime) -> Step:
        """The step of the strategy with this model."""
        return self.strategy.next_step(case, now=now)


@dataclass(frozen=True, slots=True)
class Lost:
    """A strategy that is there no more, or cannot be read: the even spread decides in
    its place, and each decision says why."""

    name: str
    version: str
    why: str

    def next_step(self, case: Case, *, now: datetime) -> Step:
        """Never a step; see app.domain.decision."""
        raise NoPlan(self.why)


def strategy_of(
    session: Session,
    name: str,
    version: str | None = None,
    *,
    account_id: int | None = None,
) -> Strategy:
    """The strategy of that name, an own one in that version (the newest without one).

    `account_id` brings what has been learned of the account. A recovery must not go
    without a plan because a name has left the code or a row cannot be read: then the
    even spread decides (`Lost`), and the shipped prior for a model.
    """
    if name == ADAPTIVE and account_id is not None:
        return _learned(session, account_id)
    if name in ALL:
        return strategy_named(name)
    row = strategy_reads.own(session, name, version)
    if row is None:
        log.error("there is no strategy %r: even spread decides instead", name)
        return Lost(name, version or "-", "no strategy of this name is left")
    return own_strategy(row)


def strategy_as_it_was(
    session: Session, name: str, version: str, *, account_id: int
) -> tuple[Strategy | None, tuple[str, ...]]:
    """The strategy that decided in this version, with its model of that time; None
    where it is gone. With what is not as it was then, in sentences."""
    if name not in ALL:
        return _own_as_it_was(session, name, version)
    rules, _, model = version.partition(".")
    strategy: Strategy | None = strategy_named(name)
    if model:
        strategy, remark = _with_model(session, account_id, int(model))
        if strategy is None:
            return None, (remark,)
    in_code = strategy_named(name).version
    if rules == in_code:
        return strategy, ()
    said = f"Version {rules} of {name} decided it; this program has version {in_code}."
    return strategy, (said,)


def _own_as_it_was(
    session: Session, name: str, version: str
) -> tuple[Strategy | None, tuple[str, ...]]:
    row = strategy_reads.own(session, name, version)
    if row is not None and str(row.version) != version:
        return None, (f"Version {version} of {name} is not stored.",)
    return strategy_of(session, name, version), ()


def _with_model(
    session: Session, account_id: int, model: int
) -> tuple[Strategy | None, str]:
    # Imported when somebody looks: numpy takes 16 MB of a process meant for 120.
    from app.domain.strategies.adaptive import Adaptive, BadModel, Model

    row = strategy_reads.model_of(session, account_id, model)
    if row is None:
        return None, f"Model {model}, by which it was decided, is not kept any more."
    try:
        return Adaptive(Model.from_json(row.body)), ""
    except BadModel:
        return None, f"Model {model}, by which it was decided, cannot be read."


def own_strategy(row: OwnRow) -> Strategy:
    """This version of an own strategy; `Lost` where its row cannot be read."""
    version = str(row.version)
    try:
        return OwnStrategy(row.name, version, from_json(row.definition))
    except BadDefinition as fault:
        log.error("strategy %s, version %s: %s", row.name, version, fault)
        why = f"its version {version} is stored damaged and cannot be read"
        return Lost(row.name, version, why)


def _learned(session: Session, account_id: int) -> Strategy:
    # Imported when an account uses it: numpy takes 16 MB of a process meant for 120.
    from app.domain.strategies.adaptive import Adaptive, BadModel, Model

    row = strategy_reads.newest_model(session, account_id)
    if row is None:
        return Adaptive()
    try:
        model = Model.from_json(row.body)
    except BadModel as fault:
        log.error("model %s of account %s: %s", row.version, account_id, fault)
        return Adaptive()
    return Learned(Adaptive(model), f"{Adaptive.version}.{row.version}")


def version_in_force(session: Session, name: str, version: str | None = None) -> str:
    """The version that a recovery beginning now takes: the newest, or this one of an
    own strategy."""
    return strategy_of(session, name, version).version


def choices(session: Session) -> list[Choice]:
    """What may be chosen: the built-in ones, then own ones that are not retired."""
    built_in = [Choice(name, PORTRAITS[name].title) for name in ALL]
    own = [
        Choice(row.name, row.name, is_own=True)
        for row in strategy_reads.newest_own(session)
        if row.retired_at is None
    ]
    return built_in + own


def choose(account_id: int, name: str, *, user_id: int, now: datetime) -> None:
    """From now on new recoveries of the account take this strategy.

    Those under way keep the one they began with. Raises StrategyRefused.
    """
    with transaction() as session:
        if name not in {choice.name for choice in choices(session)}:
            raise StrategyRefused("Choose a strategy from the list.")
        account = session.get(StripeAccount, account_id, with_for_update=True)
        if account is None or account.status is ConnectionStatus.DISCONNECTED:
            raise StrategyRefused("This account is not connected any more.")
        before = called(account.strategy, account.strategy_version)
        if before == name:
            return
        note(
            session,
            "strategy chosen",
            user_id=user_id,
            account_id=account_id,
            now=now,
            detail=f"{name} instead of {before}, for new recoveries",
        )
        account.strategy, account.strategy_version = name, None


def called(name: str, version: str | None) -> str:
    """A strategy in a sentence, with its version where it is held to one."""
    return f"{name}, version {version}" if version else name
