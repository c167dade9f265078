"""When a connection fails in a way that only its owner can mend."""

from datetime import datetime

from app.domain.account import ConnectionStatus
from app.services.audit import note
from app.storage.models import StripeAccount
from app.storage.transaction import transaction


def note_trouble(
    account_id: int, sentence: str, *, now: datetime, sealed_key: str | None = None
) -> None:
    """Nothing is charged for this account any more; `sentence` tells its owner why.

    `sealed_key`: with which key it came about, as it is stored. Of one that has been
    replaced since, it says nothing.
    """
    with transaction() as session:
        account = session.get_one(StripeAccount, account_id, with_for_update=True)
        if account.status is ConnectionStatus.DISCONNECTED:
            return
        if sealed_key is not None and account.sealed_api_key != sealed_key:
            return
        is_news = account.trouble != sentence
        account.status = ConnectionStatus.TROUBLE
        account.trouble = sentence
        if is_news:
            note(
                session,
                "account.trouble",
                detail=sentence,
                account_id=account_id,
                user_id=None,
                now=now,
            )


def clear_trouble(account_id: int, *, now: datetime) -> None:
    """The account works again; what came due meanwhile is planned anew."""
    with transaction() as session:
        account = session.get_one(StripeAccount, account_id)
        if account.status is not ConnectionStatus.TROUBLE:
            return
        account.status = ConnectionStatus.CONNECTED
        account.charges_from = now
        account.trouble = None
        note(
            session,
            "account.trouble_over",
            account_id=account_id,
            user_id=None,
            now=now,
        )
