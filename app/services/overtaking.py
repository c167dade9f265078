"""Two people before the same recovery: the second is told what the first did.

A page says in its forms what it showed; an action that was decided on something else
than stands there now is refused. The recovery has to be locked before.
"""

import re
from dataclasses import dataclass
from typing import Self
from zlib import crc32

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session, joinedload

from app.services.refusals import Done, Overtaken
from app.storage.claims import live_attempt_seen
from app.storage.histories import NOTES
from app.storage.models import AuditEntry, Recovery

_WRITTEN = re.compile(r"([0-9]{1,18})-([0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page showed: the newest action of a person, and how things stood."""

    action_id: int
    state: str

    def __str__(self) -> str:
        return f"{self.action_id}-{self.state}"

    @classmethod
    def read(cls, written: str) -> Self | None:
        """What a form brings back; None where it says nothing that can be read."""
        found = _WRITTEN.fullmatch(written)
        return cls(int(found[1]), found[2]) if found else None


def seen_now(session: Session, recovery: Recovery) -> Seen:
    """What a page that is made now shows."""
    newest = session.scalar(select(func.max(AuditEntry.id)).where(_doing(recovery.id)))
    return Seen(newest or 0, _state(session, recovery))


def refuse_if_overtaken(
    session: Session, recovery: Recovery, seen: Seen | None, *, charges: bool
) -> None:
    """Raise Overtaken where people acted since; and, for what `charges` or plans
    charges, where the engine moved the recovery on. None: nobody said what was seen.

    To pause or to stop is wished whatever the engine did meanwhile.
    """
    if seen is None:
        return
    entries = session.scalars(
        select(AuditEntry)
        .where(_doing(recovery.id), AuditEntry.id > seen.action_id)
        .options(joinedload(AuditEntry.user))
        .order_by(AuditEntry.id)
    )
    done = tuple(_done(entry) for entry in entries)
    if done:
        raise Overtaken("Somebody was quicker.", done)
    if charges and _state(session, recovery) != seen.state:
        raise Overtaken(
            "The recovery moved on while you looked: "
            f"{recovery.status_reason} Look at it as it stands now."
        )


def _done(entry: AuditEntry) -> Done:
    assert entry.user is not None
    who = entry.user.called
    return Done(who, entry.action, entry.at, entry.detail)


def _doing(recovery_id: int) -> ColumnElement[bool]:
    """What people did to the recovery; a note changes nothing."""
    return and_(
        AuditEntry.recovery_id == recovery_id,
        AuditEntry.user_id.is_not(None),
        AuditEntry.action.not_in(NOTES),
    )


def _state(session: Session, recovery: Recovery) -> str:
    attempt = live_attempt_seen(session, recovery.id)
    stands = (
        recovery.status,
        recovery.paused_because,
        recovery.strategy,
        recovery.charges,
        recovery.stripe_payment_method_id,
        attempt and (attempt.id, attempt.status, attempt.due_at.isoformat()),
    )
    return f"{crc32(repr(stands).encode()):08x}"
