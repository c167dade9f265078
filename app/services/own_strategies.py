"""A merchant's own strategies: made, edited into new versions, retired."""

import re
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.account import ConnectionStatus
from app.domain.strategies import ALL
from app.domain.strategies.own import Definition
from app.domain.strategies.own_json import to_json
from app.domain.strategies.own_rules import Fault, faults_in
from app.services.audit import note
from app.services.experiments import uses
from app.services.strategies import StrategyRefused
from app.storage import strategy_reads
from app.storage.models import StripeAccount
from app.storage.strategy_models import OwnStrategy
from app.storage.transaction import transaction

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_NAME = 40
# Words that stand in addresses beside the names, or mean something else in a row.
RESERVED = frozenset(
    {"new", "choice", "experiments", "calibration", "history", "by-hand"}
)


class DefinitionRefused(Exception):
    """What was asked breaks a rule; `faults` name the lines."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(" ".join(str(fault) for fault in faults))
        self.faults = faults


def tidy_name(text: str) -> str:
    """`text` as names are kept: lower case, hyphens for spaces."""
    return "-".join(text.lower().split())[: _LONGEST_NAME + 1]


def create(name: str, definition: Definition, *, user_id: int, now: datetime) -> str:
    """A new strategy, in its first version; its name. Raises DefinitionRefused."""
    name = tidy_name(name)
    _refuse_faults(_faults_of_name(name) + faults_in(definition))
    try:
        with transaction() as session:
            if strategy_reads.own(session, name) is not None:
                _refuse_faults((_taken(name),))
            _add(session, name, 1, definition, user_id=user_id, now=now)
    except IntegrityError:  # somebody else made one of this name just now
        _refuse_faults((_taken(name),))
    return name


def edit(
    name: str, definition: Definition, *, since: int, user_id: int, now: datetime
) -> int:
    """The version that new recoveries take from now on. Raises DefinitionRefused.

    `since` is the version that the editor had seen: a newer one is not overwritten.
    """
    _refuse_faults(faults_in(definition))
    late = Fault(0, "since", "Somebody saved another version meanwhile: look at it.")
    try:
        with transaction() as session:
            newest = _present(session, name)
            if newest.version != since:
                _refuse_faults((late,))
            if newest.definition == to_json(definition):
                return newest.version
            version = newest.version + 1
            _add(session, name, version, definition, user_id=user_id, now=now)
            # Also where an experiment's older one was adopted: this is a newer wish.
            session.execute(
                update(StripeAccount)
                .where(StripeAccount.strategy == name)
                .values(strategy_version=None)
            )
            return version
    except IntegrityError:
        raise DefinitionRefused((late,)) from None


def retire(name: str, *, user_id: int, now: datetime) -> None:
    """Nothing new may take it; recoveries under way go on. Raises StrategyRefused."""
    with transaction() as session:
        _present(session, name)
        users = session.scalars(
            select(StripeAccount.name).where(
                StripeAccount.strategy == name,
                StripeAccount.status != ConnectionStatus.DISCONNECTED,
            )
        ).all()
        if users:
            raise StrategyRefused(
                f"{', '.join(users)} uses it. Choose another strategy there first."
            )
        if uses(session, name, now=now):
            raise StrategyRefused("An experiment uses it. Stop the experiment first.")
        session.execute(
            update(OwnStrategy).where(OwnStrategy.name == name).values(retired_at=now)
        )
        note(session, "strategy retired", user_id=user_id, now=now, detail=name)


def _add(
    session: Session,
    name: str,
    version: int,
    definition: Definition,
    *,
    user_id: int,
    now: datetime,
) -> None:
    session.add(
        OwnStrategy(
            name=name,
            version=version,
            definition=to_json(definition),
            created_at=now,
            created_by_id=user_id,
        )
    )
    detail = f"{name}, version {version}"
    note(session, "strategy saved", user_id=user_id, now=now, detail=detail)
    session.flush()


def _present(session: Session, name: str) -> OwnStrategy:
    row = strategy_reads.own(session, name)
    if row is None or row.retired_at is not None:
        raise StrategyRefused("This strategy is retired, or was never there.")
    return row


def _faults_of_name(name: str) -> tuple[Fault, ...]:
    if name in ALL or name in RESERVED:
        return (_taken(name),)
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        said = (
            f"Give a name of at most {_LONGEST_NAME} letters, digits and hyphens that "
            "begins with a letter."
        )
        return (Fault(0, "name", said),)
    return ()


def _taken(name: str) -> Fault:
    return Fault(0, "name", f"The name {name} is taken: choose another one.")


def _refuse_faults(faults: tuple[Fault, ...]) -> None:
    if faults:
        raise DefinitionRefused(faults)
