"""All that is kept of one subscription or one recovery, bounded; a few queries each."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from app.domain.recovery import AttemptStatus
from app.storage.audit_trail import CHARGES
from app.storage.case_models import CardChange, StaffNote
from app.storage.models import (
    AuditEntry,
    Decline,
    Recovery,
    RetryAttempt,
    StripeAccount,
    Subscription,
)

# An invoice dies after ten declines; only a very old subscription comes near these.
MOST_RECOVERIES = 100
MOST_ENTRIES = 300
LIVE = frozenset(
    {
        AttemptStatus.SCHEDULED,
        AttemptStatus.RUNNING,
        AttemptStatus.UNKNOWN,
        AttemptStatus.PROCESSING,
    }
)
# Notes are told in their own words, not by the trail's.
NOTES = ("recovery.note", "subscription.note")


@dataclass(frozen=True, slots=True)
class History:
    """Recoveries with their declines, attempts, cards, and what people did and wrote;
    each the newest first."""

    recoveries: Sequence[Recovery]
    declines: Sequence[Decline]
    attempts: Sequence[RetryAttempt]
    actions: Sequence[AuditEntry]
    cards: Sequence[CardChange]
    notes: Sequence[StaffNote]

    @property
    def is_cut(self) -> bool:
        """Whether there is more than is shown."""
        told = (self.declines, self.attempts, self.actions, self.cards, self.notes)
        return (
            len(self.recoveries) == MOST_RECOVERIES
            or max(map(len, told)) == MOST_ENTRIES
        )

    def live_attempt_of(self, recovery: Recovery) -> RetryAttempt | None:
        """The attempt of this recovery that is planned or under way."""
        return next(
            (
                attempt
                for attempt in self.attempts
                if attempt.recovery_id == recovery.id and attempt.status in LIVE
            ),
            None,
        )


def subscription_by_stripe_id(
    session: Session, stripe_id: str, *, accounts: frozenset[int] | None
) -> Subscription | None:
    """The subscription with its account, where the viewer may see it."""
    found = session.scalar(
        select(Subscription)
        .join(StripeAccount)
        .options(contains_eager(Subscription.account))
        .where(Subscription.stripe_subscription_id == stripe_id)
    )
    if found is None or _is_hidden(found.account_id, accounts):
        return None
    return found


def recovery_by_id(
    session: Session, recovery_id: int, *, accounts: frozenset[int] | None
) -> Recovery | None:
    """The recovery with its account and subscription, where the viewer may see it."""
    found = session.scalar(
        select(Recovery)
        .options(joinedload(Recovery.account), joinedload(Recovery.subscription))
        .where(Recovery.id == recovery_id)
        .execution_options(populate_existing=True)
    )
    if found is None or _is_hidden(found.account_id, accounts):
        return None
    return found


def history_of_subscription(session: Session, of: Subscription) -> History:
    """The history of all recoveries of one subscription."""
    recoveries = session.scalars(
        select(Recovery)
        .where(Recovery.subscription_id == of.id)
        .order_by(Recovery.id.desc())
        .limit(MOST_RECOVERIES)
    ).all()
    return _history(session, recoveries, StaffNote.subscription_id == of.id)


def history_of_recovery(session: Session, of: Recovery) -> History:
    """The history of one recovery, with what is noted about its subscription."""
    mine = StaffNote.recovery_id == of.id
    if of.subscription_id is not None:
        theirs = StaffNote.subscription_id == of.subscription_id
        mine |= theirs & StaffNote.recovery_id.is_(None)
    return _history(session, [of], mine)


def _history(
    session: Session, recoveries: Sequence[Recovery], are_noted: ColumnElement[bool]
) -> History:
    ids = [recovery.id for recovery in recoveries]
    declines = session.scalars(
        select(Decline)
        .where(Decline.recovery_id.in_(ids))
        .order_by(Decline.occurred_at.desc(), Decline.id.desc())
        .limit(MOST_ENTRIES)
    )
    attempts = session.scalars(
        select(RetryAttempt)
        .where(RetryAttempt.recovery_id.in_(ids))
        .options(joinedload(RetryAttempt.requested_by))
        .order_by(RetryAttempt.id.desc())
        .limit(MOST_ENTRIES)
    )
    actions = session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.recovery_id.in_(ids), AuditEntry.action.not_in(NOTES + CHARGES)
        )
        .options(joinedload(AuditEntry.user))
        .order_by(AuditEntry.id.desc())
        .limit(MOST_ENTRIES)
    )
    cards = session.scalars(
        select(CardChange)
        .where(CardChange.recovery_id.in_(ids))
        .order_by(CardChange.id.desc())
        .limit(MOST_ENTRIES)
    )
    notes = session.scalars(
        select(StaffNote)
        .where(are_noted)
        .options(joinedload(StaffNote.user))
        .order_by(StaffNote.id.desc())
        .limit(MOST_ENTRIES)
    )
    return History(
        recoveries,
        declines.all(),
        attempts.all(),
        actions.all(),
        cards.all(),
        notes.all(),
    )


def _is_hidden(account_id: int, accounts: frozenset[int] | None) -> bool:
    return accounts is not None and account_id not in accounts
