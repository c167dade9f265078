"""One recovery goes on by another strategy."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.recovery import OPEN, PauseCause
from app.domain.steps import Step
from app.services.audit import note
from app.services.overtaking import Seen, refuse_if_overtaken
from app.services.planning import plan, step_by
from app.services.recoveries import refuse_under_way
from app.services.refusals import ActionRefused
from app.services.strategies import choices, strategy_of, version_in_force
from app.services.verdicts import HELD_AT_STRIPE
from app.storage.cases import case_of
from app.storage.locks import lock_recovery
from app.storage.models import Recovery
from app.storage.transaction import transaction


def preview(
    session: Session, recovery: Recovery, name: str, *, now: datetime
) -> Step | None:
    """The next step by this strategy; None before any decline. Writes nothing."""
    case = case_of(session, recovery, now=now)
    if case is None:
        return None
    strategy = strategy_of(session, name, account_id=recovery.account_id)
    return step_by(strategy, recovery, case, now=now)


def change(
    recovery_id: int,
    name: str,
    *,
    user_id: int,
    now: datetime,
    seen: Seen | None = None,
) -> None:
    """Let this strategy decide from now on, and plan the next step by it.

    While a person or Stripe holds the recovery nothing is planned: the strategy
    decides when it goes on. Its arm of an experiment stays what it was, so that the
    arms are compared by what they were dealt. Raises ActionRefused.
    """
    with transaction() as session:
        recovery = lock_recovery(session, recovery_id)
        if recovery is None:
            raise ActionRefused("There is no such recovery.")
        refuse_if_overtaken(session, recovery, seen, charges=True)
        _refuse(session, recovery, name)
        refuse_under_way(session, recovery)
        before = recovery.strategy
        recovery.strategy = name
        recovery.strategy_version = version_in_force(session, name)
        if not is_held(recovery):
            plan(session, recovery, now=now)
        note(
            session,
            "recovery.strategy",
            detail=f"{name} instead of {before}. {recovery.status_reason}",
            user_id=user_id,
            account_id=recovery.account_id,
            recovery_id=recovery.id,
            now=now,
        )


def is_held(recovery: Recovery) -> bool:
    """Whether something else than the strategy decides when it goes on: a person,
    Stripe, or that there is no card to charge."""
    has_no_card = (
        recovery.stripe_payment_method_id is None
        and recovery.stripe_refused_at is not None
    )
    cause = recovery.paused_because
    return has_no_card or cause is PauseCause.PERSON or cause in HELD_AT_STRIPE


def _refuse(session: Session, recovery: Recovery, name: str) -> None:
    if recovery.status not in OPEN:
        raise ActionRefused(
            f"This recovery has ended: {recovery.status_reason} Resume it first."
        )
    if name not in {choice.name for choice in choices(session)}:
        raise ActionRefused("Choose a strategy from the list.")
    if name == recovery.strategy:
        raise ActionRefused(f"It follows {name} already.")
