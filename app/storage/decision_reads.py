"""Named reads about decisions."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.storage.decision_models import Decision
from app.storage.models import RetryAttempt


def decision(session: Session, decision_id: int) -> Decision | None:
    """The decision of that number."""
    if decision_id >= 2**63:
        return None
    return session.scalar(_WHOLE.where(Decision.id == decision_id))


def newest(
    session: Session, *, recovery_id: int | None = None, limit: int
) -> Sequence[Decision]:
    """The newest decisions, of one recovery or of all, the newest first."""
    wanted = _WHOLE.order_by(Decision.id.desc()).limit(limit)
    if recovery_id is not None:
        wanted = wanted.where(Decision.recovery_id == recovery_id)
    return session.scalars(wanted).all()


def attempt_of(session: Session, decision: Decision) -> RetryAttempt | None:
    """The retry that the decision planned."""
    if decision.number is None:
        return None
    return session.scalar(
        select(RetryAttempt).where(
            RetryAttempt.recovery_id == decision.recovery_id,
            RetryAttempt.number == decision.number,
        )
    )


_WHOLE = select(Decision).options(joinedload(Decision.recovery))
