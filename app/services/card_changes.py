"""Keeping what became of a recovery's card. Never ends a transaction."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.card_changes import CardChangeKind, change_between
from app.domain.recovery import OPEN, AttemptStatus, PauseCause
from app.domain.snapshots import PaymentMethodSnapshot
from app.storage.case_models import CardChange
from app.storage.claims import live_attempt
from app.storage.models import Recovery


def keep(
    session: Session,
    recovery: Recovery,
    was: str | None,
    card: PaymentMethodSnapshot | None,
    *,
    is_new: bool,
    now: datetime,
) -> None:
    """Note that the card changed, and what that changed; nothing where it did not.

    Called when the recovery has moved on. `was`: the payment method that the last
    charge would have taken; `card`: the one to be charged, where it was read;
    `is_new`: it is another one than was refused last.
    """
    chosen = recovery.stripe_payment_method_id
    kind = change_between(was, chosen, is_renewed=is_new)
    if kind is None:
        return
    read = card if card is not None and card.id == chosen else None
    effect, next_try_at = _effect(session, recovery, kind, now=now)
    session.add(
        CardChange(
            account_id=recovery.account_id,
            recovery_id=recovery.id,
            at=now,
            kind=kind,
            stripe_payment_method_id=chosen,
            set_on=recovery.card_set_on,
            brand=read.card.brand if read else None,
            last4=read.last4 if read else None,
            funding=read.card.funding if read else None,
            card_expiry=read.card_expiry if read else None,
            effect=effect,
            next_try_at=next_try_at,
        )
    )


def _effect(
    session: Session, recovery: Recovery, kind: CardChangeKind, *, now: datetime
) -> tuple[str, datetime | None]:
    if recovery.status not in OPEN:
        return "Nothing: the recovery is over.", None
    if recovery.paused_because is PauseCause.PERSON:
        return "Nothing yet: a person paused the recovery.", None
    attempt = live_attempt(session, recovery.id)
    if attempt is not None and attempt.status is AttemptStatus.SCHEDULED:
        if attempt.planned_at == now and kind is not CardChangeKind.REMOVED:
            return f"Retry {attempt.number} was planned anew for it.", attempt.due_at
        return f"Nothing: retry {attempt.number} stays as planned.", attempt.due_at
    return recovery.status_reason, None
