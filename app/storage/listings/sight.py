"""Which accounts a person may see."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.storage.connection_models import AccountAccess
from app.storage.models import User


def visible_accounts(session: Session, user: User) -> frozenset[int] | None:
    """Ids of the accounts `user` may see; None when that is all of them."""
    if not user.is_restricted:
        return None
    own = select(AccountAccess.account_id).where(AccountAccess.user_id == user.id)
    return frozenset(session.scalars(own))
