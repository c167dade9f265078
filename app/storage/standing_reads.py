"""Yes or no: is anything connected, is anything going on."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.domain.account import ConnectionStatus
from app.storage.models import OPEN_RECOVERY, Recovery, StripeAccount


def anything_connected(session: Session) -> bool:
    """Whether any Stripe account is connected, in trouble or not."""
    left = StripeAccount.status == ConnectionStatus.DISCONNECTED
    return bool(session.scalar(select(exists().where(~left))))


def anything_open(session: Session) -> bool:
    """Whether any recovery is not at its end, so that pages may soon change."""
    return bool(
        session.scalar(select(exists(select(Recovery.id).where(OPEN_RECOVERY))))
    )
