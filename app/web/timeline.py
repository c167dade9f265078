"""A history told in order, newest first: all that was declined, tried, done, noted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zlib import crc32

from app import current
from app.domain.declines import Codes
from app.domain.recovery import ENDED, AttemptStatus
from app.storage.histories import History
from app.storage.models import Decline, Recovery, RetryAttempt
from app.web.words import look_of


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `kind` names its template, `what` is the row it tells of."""

    at: datetime
    kind: str  # attempt, decline, action, card, note, end
    tone: str
    what: Any
    decline: Decline | None = None  # how an attempt was refused
    is_as_before: bool = False  # it was refused as the charge before it was

    @property
    def recovery_id(self) -> int | None:
        """The recovery that it belongs to; None: to the subscription itself."""
        if isinstance(self.what, Recovery):
            return self.what.id
        found: int | None = self.what.recovery_id
        return found


def entries(history: History) -> list[Entry]:
    """The newest first; what is planned stands above all that has happened."""
    refusals = {decline.attempt_id: decline for decline in history.declines}
    repeats = _repeats(history.declines)
    told = {attempt.id for attempt in history.attempts}
    lines = [
        *(_attempt(each, refusals.get(each.id), repeats) for each in history.attempts),
        *(
            Entry(each.occurred_at, "decline", "bad", each)
            for each in history.declines
            if each.attempt_id not in told
        ),
        *(Entry(each.at, "action", "quiet", each) for each in history.actions),
        *(Entry(each.at, "card", "busy", each) for each in history.cards),
        *(Entry(each.at, "note", "quiet", each) for each in history.notes),
        *(
            Entry(each.ended_at, "end", look_of(each.status)[0], each)
            for each in history.recoveries
            if each.ended_at and each.status in ENDED
        ),
    ]
    return sorted(lines, key=lambda line: (line.at, line.kind), reverse=True)


def mark_of(history: History, *more: object) -> str:
    """Changes with what a page shows of the history (and of `more`), and once a minute
    for its relative times."""
    newest = [
        (each.id, each.status, each.due_at, each.started_at, each.finished_at)
        for each in history.attempts
    ]
    standing = [
        (each.status, each.status_reason, each.paused_because, each.strategy)
        for each in history.recoveries
    ]
    told = history.declines, history.actions, history.cards, history.notes
    minute = int(current.now().timestamp()) // 60
    seen = repr((standing, newest, [len(each) for each in told], more))
    return f"{crc32(seen.encode('utf-8', 'replace')):08x}-{minute:x}"


def _repeats(declines: Sequence[Decline]) -> set[int]:
    """The ids of those that say what the one before them in their recovery said: eight
    refusals in the same words are read once."""
    last: dict[int | None, Codes] = {}
    found = set()
    for each in sorted(declines, key=lambda one: (one.occurred_at, one.id)):
        codes = Codes.of(each)
        if last.get(each.recovery_id) == codes:
            found.add(each.id)
        last[each.recovery_id] = codes
    return found


def _attempt(
    attempt: RetryAttempt, refusal: Decline | None, repeats: set[int]
) -> Entry:
    at = attempt.finished_at or attempt.started_at or attempt.due_at
    if attempt.status is AttemptStatus.SCHEDULED:
        at = attempt.due_at
    is_as_before = refusal is not None and refusal.id in repeats
    tone = look_of(attempt.status)[0]
    return Entry(at, "attempt", tone, attempt, refusal, is_as_before=is_as_before)
