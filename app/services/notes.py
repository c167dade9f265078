"""Notes of the staff about a subscription or a recovery."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.services.audit import note
from app.storage.case_models import StaffNote
from app.storage.models import Recovery, Subscription
from app.storage.transaction import transaction

LONGEST_NOTE = 2000


class NoteRefused(Exception):
    """The note was not kept; the text is a sentence."""


def about_recovery(
    recovery_id: int, text: str, *, user_id: int, now: datetime
) -> StaffNote:
    """Keep a note about this recovery. Raises NoteRefused."""
    with transaction() as session:
        recovery = session.get_one(Recovery, recovery_id)
        made = StaffNote(
            account_id=recovery.account_id,
            subscription_id=recovery.subscription_id,
            recovery_id=recovery.id,
        )
        return _keep(session, made, text, user_id=user_id, now=now)


def about_subscription(
    subscription_id: int, text: str, *, user_id: int, now: datetime
) -> StaffNote:
    """Keep a note about this subscription. Raises NoteRefused."""
    with transaction() as session:
        subscription = session.get_one(Subscription, subscription_id)
        made = StaffNote(
            account_id=subscription.account_id, subscription_id=subscription.id
        )
        return _keep(session, made, text, user_id=user_id, now=now)


def _keep(
    session: Session, made: StaffNote, text: str, *, user_id: int, now: datetime
) -> StaffNote:
    made.text = tidy(text)
    made.user_id, made.at = user_id, now
    session.add(made)
    session.flush()
    # Without the text: what a note says of a customer may have to be forgotten one
    # day, and the audit trail never forgets.
    note(
        session,
        "recovery.note" if made.recovery_id else "subscription.note",
        detail=f"note {made.id}, {len(made.text)} characters",
        user_id=user_id,
        account_id=made.account_id,
        recovery_id=made.recovery_id,
        now=now,
    )
    return made


def tidy(text: str) -> str:
    """The note as it is kept: lines as written, without what nobody can see.

    Raises NoteRefused when nothing is left, or too much.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = "\n".join("".join(map(_seen, line)).rstrip() for line in lines).strip()
    if not kept:
        raise NoteRefused("Write something first.")
    if len(kept) > LONGEST_NOTE:
        raise NoteRefused(
            f"A note has at most {LONGEST_NOTE:,} characters; this one has "
            f"{len(kept):,}."
        )
    return kept


def _seen(letter: str) -> str:
    # Directional overrides could make a note read as what it does not say, and NUL is
    # refused by PostgreSQL. The joiners of scripts and signs that need them stay.
    if letter.isspace():
        return " "
    return letter if letter.isprintable() or letter in "\u200c\u200d" else ""
