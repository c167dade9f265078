"""The audit trail: who changed what, and when."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.storage.models import AuditEntry


def note(
    session: Session,
    action: str,
    *,
    user_id: int | None,
    now: datetime,
    detail: str = "",
    account_id: int | None = None,
    recovery_id: int | None = None,
) -> None:
    """One more line; `user_id` None means the engine; never a secret in `detail`."""
    session.add(
        AuditEntry(
            at=now,
            user_id=user_id,
            account_id=account_id,
            recovery_id=recovery_id,
            action=action,
            detail=detail,
        )
    )
