"""Which strategy decides for whom."""

import logging
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.account import ConnectionStatus
from app.domain.steps import Strategy
from app.domain.strategies import ALL, DEFAULT, UnknownStrategy, strategy_named
from app.services.audit import note
from app.storage.models import StripeAccount
from app.storage.transaction import transaction

log = logging.getLogger(__name__)


class StrategyRefused(Exception):
    """What was asked cannot be; the text is a sentence."""


def strategy_of(session: Session, name: str) -> Strategy:
    """The strategy of that name; the default where there is none any more.

    A recovery must not go without a plan because a name has left the code.
    """
    try:
        return strategy_named(name)
    except UnknownStrategy:
        log.error("there is no strategy %r: %s decides instead", name, DEFAULT)
        return strategy_named(DEFAULT)


def version_in_force(session: Session, name: str) -> str:
    """The version that a recovery beginning now takes."""
    return strategy_of(session, name).version


def choose(account_id: int, name: str, *, user_id: int, now: datetime) -> None:
    """From now on new recoveries of the account take this strategy.

    Those under way keep the one they began with. Raises StrategyRefused.
    """
    if name not in ALL:
        raise StrategyRefused("Choose a strategy from the list.")
    with transaction() as session:
        account = session.get(StripeAccount, account_id, with_for_update=True)
        if account is None or account.status is ConnectionStatus.DISCONNECTED:
            raise StrategyRefused("This account is not connected any more.")
        if account.strategy == name:
            return
        note(
            session,
            "strategy chosen",
            user_id=user_id,
            account_id=account_id,
            now=now,
            detail=f"{name} instead of {account.strategy}, for new recoveries",
        )
        account.strategy = name
