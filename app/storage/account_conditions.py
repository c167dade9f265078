"""Which accounts may be worked with at a moment, for every statement that asks."""

from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, and_

from app.domain.account import ConnectionStatus
from app.storage.models import StripeAccount

Moment = datetime | BindParameter[Any]


def may_be_asked_about(at: Moment) -> ColumnElement[bool]:
    """Connected, and no wait that Stripe brought about is under way."""
    return and_(
        StripeAccount.status == ConnectionStatus.CONNECTED,
        StripeAccount.hold_until.is_(None) | (StripeAccount.hold_until <= at),
    )


def is_charged(at: Moment) -> ColumnElement[bool]:
    """That too; switched on, and looked at whole since the database was put back."""
    return and_(
        StripeAccount.is_on,
        may_be_asked_about(at),
        StripeAccount.restored_at.is_(None),
    )
