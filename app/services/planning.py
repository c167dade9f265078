"""From a recovery's case to its next step, written down. Never ends a transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.cases import Case
from app.domain.decision import first_try
from app.domain.facts import Facts, step_from
from app.domain.network_rules import expected_fee
from app.domain.recovery import (
    OUR_KEYS_BEGIN,
    PauseCause,
    RecoveryStatus,
    move,
)
from app.domain.steps import AskCustomer, GiveUp, Observe, RetryAt, Step, Strategy
from app.domain.strategies.hands_off import WATCHES, HandsOff
from app.domain.stripe_refusals import StripeRefusals
from app.services.decisions import keep_decision
from app.services.lifecycles import follow_recovery
from app.services.strategies import strategy_of
from app.storage.cases import case_of, first_card_case
from app.storage.claims import live_attempt, withdraw
from app.storage.models import Recovery, RetryAttempt
from app.storage.planned import put_down

FIRST_CARD = "A card was added where there was none: it is tried at once."


def plan(session: Session, recovery: Recovery, *, now: datetime) -> Step | None:
    """Decide the recovery's next step and write it; None where there is none to be
    decided: no charge was refused, and no card was added since."""
    withdraw(session, recovery.id, "Planned anew.", now=now)
    case = case_of(session, recovery, now=now)
    if case is None:
        return _try_first_card(session, recovery, now=now)
    strategy = strategy_of(
        session,
        recovery.strategy,
        recovery.strategy_version,
        account_id=recovery.account_id,
    )
    facts = Facts(case, _refusals_of(recovery))
    step = step_from(facts, strategy, now=now)
    write_step(session, recovery, step, version=strategy.version, now=now)
    attempt = None
    if isinstance(step, RetryAt):
        attempt = note_fee(session, recovery, case, step)
    keep_decision(session, recovery, facts, step, strategy, attempt=attempt, now=now)
    return step


def _try_first_card(
    session: Session, recovery: Recovery, *, now: datetime
) -> Step | None:
    """Try the card that was added to a renewal without any, at once and once: without
    a refusal no strategy has anything to go by. Not where another invoice has found
    the card ruled out."""
    added_at = recovery.card_changed_at
    is_there = added_at is not None and recovery.stripe_payment_method_id is not None
    if not is_there or now > recovery.deadline_at:
        return None
    tried = session.scalar(
        select(RetryAttempt.id).where(
            RetryAttempt.recovery_id == recovery.id,
            RetryAttempt.planned_at >= added_at,
            RetryAttempt.asked > 0,
        )
    )
    if tried is not None:
        return None
    step: Step = WATCHES
    if recovery.strategy != HandsOff.name:
        case = first_card_case(session, recovery, now=now)
        step = first_try(case, FIRST_CARD, now=now)
    write_step(session, recovery, step, version="-", now=now)
    return step


def step_by(
    strategy: Strategy, recovery: Recovery, case: Case, *, now: datetime
) -> Step:
    """The next step of the recovery by this strategy, inside every rule."""
    return step_from(Facts(case, _refusals_of(recovery)), strategy, now=now)


def _refusals_of(recovery: Recovery) -> StripeRefusals | None:
    at = recovery.stripe_refused_at
    if at is None:
        return None
    return StripeRefusals(at, recovery.stripe_refusals, _last_words(recovery))


def note_fee(
    session: Session, recovery: Recovery, case: Case, step: RetryAt
) -> RetryAttempt | None:
    """Keep with the planned attempt what the card's network would bill for it; the
    attempt."""
    attempt = live_attempt(session, recovery.id)
    if attempt is not None:
        country = recovery.account.country
        fee = expected_fee(case, step.at, merchant_country=country)
        attempt.expected_fee = fee.amount if fee else 0
    return attempt


def _last_words(recovery: Recovery) -> str:
    """What came of the last attempt that ended."""
    said = [a.outcome for a in recovery.attempts if a.started_at and a.finished_at]
    return said[-1] or "" if said else ""


def write_step(
    session: Session, recovery: Recovery, step: Step, *, version: str, now: datetime
) -> None:
    """Put the step into the rows; an attempt planned before is withdrawn by now."""
    match step:
        case RetryAt():
            schedule(session, recovery, step, version=version, now=now)
        case AskCustomer(reason):
            put(recovery, RecoveryStatus.WAITING_FOR_CUSTOMER, reason, now=now)
        case GiveUp(reason):
            put(recovery, RecoveryStatus.TERMINATED, reason, now=now)
        case Observe(reason):
            pause(recovery, PauseCause.OBSERVING, reason, now=now)


def put(
    recovery: Recovery, status: RecoveryStatus, reason: str, *, now: datetime
) -> None:
    """Move the recovery, with the reason; MoveRefused when it may not go there."""
    recovery.status = move(recovery.status, status)
    recovery.status_reason = reason
    recovery.paused_because = recovery.closed_as = None
    ended = status in (
        RecoveryStatus.RECOVERED,
        RecoveryStatus.TERMINATED,
        RecoveryStatus.STOPPED,
        RecoveryStatus.CLOSED,
    )
    recovery.ended_at = now if ended else None
    if recovery.subscription is not None:
        recovery.subscription.next_retry_at = None
        follow_recovery(recovery.subscription, status)


def pause(recovery: Recovery, cause: PauseCause, reason: str, *, now: datetime) -> None:
    """Pause the recovery for `cause`, which decides what resumes it."""
    put(recovery, RecoveryStatus.PAUSED, reason, now=now)
    recovery.paused_because = cause


def schedule(
    session: Session,
    recovery: Recovery,
    step: RetryAt,
    *,
    version: str,
    now: datetime,
    requested_by_id: int | None = None,
) -> None:
    """Write the planned attempt, with all that led to it and its idempotency key."""
    number = 1 + (
        session.scalar(
            select(func.max(RetryAttempt.number)).where(
                RetryAttempt.recovery_id == recovery.id
            )
        )
        or 0
    )
    planned = {
        "account_id": recovery.account_id,
        "recovery_id": recovery.id,
        "number": number,
        "due_at": step.at,
        # From the invoice and the number, not a row id: a database restored from
        # yesterday plans the same attempt under the same key, and Stripe replays
        # its answer instead of charging again.
        "idempotency_key": f"{OUR_KEYS_BEGIN}{recovery.stripe_invoice_id}-{number}",
        "strategy": recovery.strategy,
        "strategy_version": version,
        "reason": step.reason,
        "rules": list(step.rules),
        "alternatives": [_alternative(step, n) for n in range(len(step.alternatives))],
        "evidence": dict(step.evidence),
        "probability": step.probability,
        "propensity": step.propensity,
        "requested_by_id": requested_by_id,
    }
    put_down(session, [planned], now=now)
    put(recovery, RecoveryStatus.IN_RETRY, step.reason, now=now)
    if recovery.subscription is not None:
        recovery.subscription.next_retry_at = step.at


def _alternative(step: RetryAt, index: int) -> dict[str, Any]:
    other = step.alternatives[index]
    return {
        "at": other.at.isoformat(),
        "reason": other.reason,
        "probability": other.probability,
    }
