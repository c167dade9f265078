"""The audit trail, the newest first."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from app.storage.audit_trail import CHARGES, FIELDS
from app.storage.listings.keyset import Order
from app.storage.listings.listing import Asked, Listing, Scope, within
from app.storage.models import AuditEntry, StripeAccount, User

# Words of the filter `what`.
PEOPLE, ENGINE, CHARGING = "people", "engine", "charges"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter(Scope):
    """Which entries: of one person, or of one kind."""

    user_id: int | None = None
    what: str | None = None


def _statement(wanted: AuditFilter, _asked: Asked) -> Select[*tuple[Any, ...]]:
    statement: Select[*tuple[Any, ...]] = (
        select(
            *FIELDS,
            AuditEntry.position,
            AuditEntry.seal,
            User.email.label("person"),
            StripeAccount.name.label("account"),
        )
        .outerjoin(User, User.id == AuditEntry.user_id)
        .outerjoin(StripeAccount, StripeAccount.id == AuditEntry.account_id)
        .where(
            *within(wanted, at=AuditEntry.at, account=AuditEntry.account_id),
        )
    )
    if wanted.user_id is not None:
        statement = statement.where(AuditEntry.user_id == wanted.user_id)
    if wanted.what == PEOPLE:
        statement = statement.where(AuditEntry.user_id.is_not(None))
    elif wanted.what == ENGINE:
        engine = AuditEntry.user_id.is_(None), AuditEntry.action.not_in(CHARGES)
        statement = statement.where(*engine)
    elif wanted.what == CHARGING:
        statement = statement.where(AuditEntry.action.in_(CHARGES))
    return statement


AUDIT = Listing(Order(AuditEntry.at, AuditEntry.id), _statement)
