"""Which accounts a member may see; owners see all."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select

from app.domain.people import Role
from app.services.audit import note
from app.storage.connection_models import AccountAccess
from app.storage.models import StripeAccount, User
from app.storage.transaction import reading, transaction


class AccessRefused(Exception):
    """Nothing was changed; the text tells the owner why."""


def accounts_of(user_id: int) -> frozenset[int]:
    """The accounts that were picked for a restricted member."""
    with reading() as session:
        return frozenset(
            session.scalars(
                select(AccountAccess.account_id).where(AccountAccess.user_id == user_id)
            )
        )


def let_see(
    user_id: int,
    account_ids: Collection[int] | None,
    *,
    by_id: int,
    now: datetime,
) -> None:
    """Let a member see these accounts only; None for all, present and future."""
    with transaction() as session:
        user = session.get(User, user_id)
        if user is None:
            raise AccessRefused("This person is not on the team any more.")
        if account_ids is not None and user.role is Role.OWNER:
            raise AccessRefused("An owner sees every account.")
        user.sees_all_accounts = account_ids is None
        session.execute(delete(AccountAccess).where(AccountAccess.user_id == user_id))
        known = session.scalars(
            select(StripeAccount.id).where(StripeAccount.id.in_(account_ids or ()))
        ).all()
        session.add_all(
            AccountAccess(user_id=user_id, account_id=account_id)
            for account_id in known
        )
        what = "all accounts" if account_ids is None else f"accounts {sorted(known)}"
        note(
            session,
            "team.accounts",
            detail=f"{user.email} sees {what}",
            user_id=by_id,
            now=now,
        )
