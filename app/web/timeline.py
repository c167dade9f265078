"""A history told in order, newest first: what was declined, tried, done and decided."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.recovery import ENDED, AttemptStatus
from app.storage.histories import History
from app.storage.models import Decline, RetryAttempt
from app.web.words import look_of


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `kind` names its template, `what` is the row it tells of."""

    at: datetime
    kind: str  # attempt, decline, action, start, end
    tone: str
    what: Any
    decline: Decline | None = None  # how an attempt was refused


def entries(history: History) -> list[Entry]:
    """The newest first; what is planned stands above all that has happened."""
    refusals = {decline.attempt_id: decline for decline in history.declines}
    told = {attempt.id for attempt in history.attempts}
    lines = [
        *(_attempt(each, refusals.get(each.id)) for each in history.attempts),
        *(
            Entry(each.occurred_at, "decline", "bad", each)
            for each in history.declines
            if each.attempt_id not in told
        ),
        *(Entry(each.at, "action", "quiet", each) for each in history.actions),
        *(
            Entry(each.ended_at, "end", look_of(each.status)[0], each)
            for each in history.recoveries
            if each.ended_at and each.status in ENDED
        ),
    ]
    return sorted(lines, key=lambda line: (line.at, line.kind), reverse=True)


def _attempt(attempt: RetryAttempt, refusal: Decline | None) -> Entry:
    at = attempt.finished_at or attempt.started_at or attempt.due_at
    if attempt.status is AttemptStatus.SCHEDULED:
        at = attempt.due_at
    return Entry(at, "attempt", look_of(attempt.status)[0], attempt, refusal)
