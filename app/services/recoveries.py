"""What people do to a recovery."""

from datetime import datetime

from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from app.domain.decision import decide
from app.domain.recovery import OPEN, PauseCause, RecoveryStatus
from app.domain.steps import RetryAt, Step
from app.services.audit import note
from app.services.overtaking import Seen, refuse_if_overtaken
from app.services.planning import note_fee, plan, put, schedule
from app.services.planning import pause as put_on_pause
from app.services.refusals import ActionRefused as ActionRefused
from app.services.verdicts import HELD_AT_STRIPE, end
from app.storage.cases import case_of
from app.storage.claims import is_under_way, live_attempt, withdraw
from app.storage.locks import lock_recovery
from app.storage.models import Recovery, User
from app.storage.transaction import transaction

# Each takes what the person had `seen` when deciding, where a page told it. Those that
# end in `_in` do the same inside a transaction that others end.


def bring_forward(
    recovery_id: int, *, user_id: int, now: datetime, seen: Seen | None = None
) -> int:
    """Retry now: the attempt's id. ActionRefused where a rule forbids it.

    The charge itself is made by the engine within seconds, like any other.
    """
    with transaction() as session:
        return bring_forward_in(
            session, recovery_id, user_id=user_id, now=now, seen=seen
        )


def pause(
    recovery_id: int, *, user_id: int, now: datetime, seen: Seen | None = None
) -> None:
    """Plan nothing until a person resumes it."""
    with transaction() as session:
        pause_in(session, recovery_id, user_id=user_id, now=now, seen=seen)


def resume(
    recovery_id: int, *, user_id: int, now: datetime, seen: Seen | None = None
) -> None:
    """Go on: plan the next step anew, also after it was stopped or given up."""
    with transaction() as session:
        resume_in(session, recovery_id, user_id=user_id, now=now, seen=seen)


def stop(
    recovery_id: int,
    *,
    user_id: int,
    reason: str,
    now: datetime,
    seen: Seen | None = None,
) -> None:
    """End it by a person's will. A charge under way is still recorded as it falls."""
    with transaction() as session:
        stop_in(
            session, recovery_id, user_id=user_id, reason=reason, now=now, seen=seen
        )


def bring_forward_in(
    session: Session,
    recovery_id: int,
    *,
    user_id: int,
    now: datetime,
    seen: Seen | None,
) -> int:
    recovery = _to_change(session, recovery_id)
    refuse_if_overtaken(session, recovery, seen, charges=True)
    who = _name(session, user_id)
    step = _wished_retry(session, recovery, f"Asked for by {who}.", now=now)
    withdraw(session, recovery.id, f"{who} retried at once instead.", now=now)
    schedule(session, recovery, step, version="-", now=now, requested_by_id=user_id)
    attempt = live_attempt(session, recovery.id)
    assert attempt is not None
    case = case_of(session, recovery, now=now)
    if case is not None:
        note_fee(session, recovery, case, step)
    _note(session, recovery, "recovery.retry_now", user_id=user_id, now=now)
    return attempt.id


def pause_in(
    session: Session,
    recovery_id: int,
    *,
    user_id: int,
    now: datetime,
    seen: Seen | None,
) -> None:
    recovery = _to_change(session, recovery_id)
    refuse_if_overtaken(session, recovery, seen, charges=False)
    refuse_pause(session, recovery)
    reason = f"Paused by {_name(session, user_id)}."
    withdraw(session, recovery.id, reason, now=now)
    put_on_pause(recovery, PauseCause.PERSON, reason, now=now)
    _note(session, recovery, "recovery.pause", user_id=user_id, now=now)


def resume_in(
    session: Session,
    recovery_id: int,
    *,
    user_id: int,
    now: datetime,
    seen: Seen | None,
) -> None:
    recovery = _to_change(session, recovery_id)
    refuse_if_overtaken(session, recovery, seen, charges=True)
    refuse_resume(session, recovery)
    recovery.stripe_refusals = 0  # a person thinks that it may go now
    put(recovery, RecoveryStatus.IN_RETRY, "Resumed.", now=now)
    plan(session, recovery, now=now)
    # Stripe may have news of the time in between; the next look brings them.
    recovery.look_again = True
    _note(session, recovery, "recovery.resume", user_id=user_id, now=now)


def stop_in(
    session: Session,
    recovery_id: int,
    *,
    user_id: int,
    reason: str,
    now: datetime,
    seen: Seen | None,
) -> None:
    recovery = _to_change(session, recovery_id)
    refuse_if_overtaken(session, recovery, seen, charges=False)
    refuse_stop(recovery)
    text = f"Stopped by {_name(session, user_id)}."
    if reason.strip():
        text = f"{text[:-1]}: {reason.strip()}"
    end(session, recovery, RecoveryStatus.STOPPED, text, now=now)
    _note(session, recovery, "recovery.stop", user_id=user_id, now=now)


# Why an action would be refused, without trying it: raises ActionRefused.


def refuse_retry(session: Session, recovery: Recovery, *, now: datetime) -> None:
    _wished_retry(session, recovery, "", now=now)


def refuse_pause(session: Session, recovery: Recovery) -> None:
    _refuse_ended(recovery)
    if recovery.paused_because is PauseCause.PERSON:
        raise ActionRefused(recovery.status_reason)
    refuse_under_way(session, recovery)


def is_resumable(recovery: Recovery) -> bool:
    """Whether a person paused or stopped it, or its strategy gave up."""
    return recovery.paused_because is PauseCause.PERSON or recovery.status in (
        RecoveryStatus.STOPPED,
        RecoveryStatus.TERMINATED,
    )


def refuse_resume(session: Session, recovery: Recovery) -> None:
    if not is_resumable(recovery):
        raise ActionRefused(f"There is nothing to resume: {recovery.status_reason}")
    refuse_under_way(session, recovery)


def refuse_stop(recovery: Recovery) -> None:
    _refuse_ended(recovery)


def step_now(
    session: Session, recovery: Recovery, reason: str, *, now: datetime
) -> Step:
    """What the rules make of the wish to retry at once: a `RetryAt` now, one later
    (with the rules that forbid it now), or no retry at all. Writes nothing."""
    case = case_of(session, recovery, now=now)
    if case is None:
        return RetryAt(now, reason)
    return decide(_Now(reason), case, now=now)


def _wished_retry(
    session: Session, recovery: Recovery, reason: str, *, now: datetime
) -> RetryAt:
    """The retry that a person asks for; ActionRefused where a rule forbids it."""
    if recovery.status in (RecoveryStatus.RECOVERED, RecoveryStatus.CLOSED):
        raise ActionRefused(f"This recovery has ended: {recovery.status_reason}")
    refuse_under_way(session, recovery)
    if recovery.paused_because in HELD_AT_STRIPE:
        raise ActionRefused(recovery.status_reason)
    return _retry_now(session, recovery, reason, now=now)


def _retry_now(
    session: Session, recovery: Recovery, reason: str, *, now: datetime
) -> RetryAt:
    step = step_now(session, recovery, reason, now=now)
    if isinstance(step, RetryAt) and step.at <= now:
        return step
    if isinstance(step, RetryAt):
        raise ActionRefused(
            f"Not before {step.at:%d %b %Y %H:%M} UTC: {'; '.join(step.rules)}."
        )
    raise ActionRefused(step.reason)


class _Now:
    """A person's wish as a strategy, so that it passes the same rules."""

    name = "by-hand"
    version = "-"

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def next_step(self, case: object, *, now: datetime) -> Step:
        return RetryAt(now, self._reason)


def _to_change(session: Session, recovery_id: int) -> Recovery:
    recovery = lock_recovery(session, recovery_id)
    if recovery is None:
        raise NoResultFound(f"there is no recovery {recovery_id}")
    return recovery


def _refuse_ended(recovery: Recovery) -> None:
    if recovery.status not in OPEN:
        raise ActionRefused(f"This recovery has ended: {recovery.status_reason}")


def refuse_under_way(session: Session, recovery: Recovery) -> None:
    """Raise ActionRefused while Stripe may be charging."""
    if is_under_way(session, recovery.id):
        raise ActionRefused("A charge is under way at this moment.")


def _name(session: Session, user_id: int) -> str:
    return session.get_one(User, user_id).called


def _note(
    session: Session, recovery: Recovery, action: str, *, user_id: int, now: datetime
) -> None:
    note(
        session,
        action,
        detail=recovery.status_reason,
        user_id=user_id,
        account_id=recovery.account_id,
        recovery_id=recovery.id,
        now=now,
    )
