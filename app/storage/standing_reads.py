"""What every page has to know, in one query: the accounts, and whether work goes on."""

from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.domain.account import ConnectionStatus
from app.storage.models import OPEN_RECOVERY, Recovery, StripeAccount


@dataclass(frozen=True, slots=True)
class NamedAccount:
    """As much of an account as it takes to speak of it."""

    id: int
    name: str
    livemode: bool
    status: ConnectionStatus

    @property
    def is_connected(self) -> bool:
        """Whether it was not disconnected; it may be in trouble."""
        return self.status is not ConnectionStatus.DISCONNECTED


@dataclass(frozen=True, slots=True)
class Standing:
    """All accounts, connected ones first; `is_busy`: some recovery is open, so that
    pages may soon change."""

    accounts: tuple[NamedAccount, ...]
    is_busy: bool

    @property
    def is_connected(self) -> bool:
        return any(account.is_connected for account in self.accounts)


# Made once, of the tables themselves: to build and to map it costs more than to run it.
_account = StripeAccount.__table__.c
_STANDING = select(
    _account.id,
    _account.name,
    _account.livemode,
    _account.status,
    exists(select(Recovery.__table__.c.id).where(OPEN_RECOVERY)),
).order_by(_account.id)


def standing(session: Session) -> Standing:
    """How things stand now."""
    rows = session.connection().execute(_STANDING).all()
    accounts = [NamedAccount(*row[:4]) for row in rows]
    accounts.sort(key=lambda account: not account.is_connected)
    # Every recovery has an account: without one, none is open.
    return Standing(tuple(accounts), bool(rows and rows[0][4]))
