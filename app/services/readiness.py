"""Is this installation able to work? Faults in words that give nothing away."""

from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.services import schema
from app.storage import health
from app.storage.transaction import reading, transaction

# Retries run every minute and events every few seconds. This late, somebody has to
# look; sooner would alarm during every restart and every slow hour at Stripe.
_RETRY_LATE = timedelta(hours=1)
_EVENT_LATE = timedelta(minutes=15)
# The jobs beat every minute; a machine may be busy.
_BEAT_LATE = timedelta(minutes=5)


class _Undone(Exception):
    """Takes a trial write back."""


def faults(*, now: datetime, real_time: bool) -> list[str]:
    """What keeps it from working; empty when it works.

    A sandbox's clock may run a day in a second (`real_time` false): nothing is late.
    """
    try:
        if not schema.is_migrated():
            return ["the database needs `flask --app app db upgrade`"]
        found = _faults_of_writing()
        if real_time:
            with reading() as session:
                found += _late(session, now=now)
    except SQLAlchemyError:
        return ["the database cannot be read"]
    return found


def _late(session: Session, *, now: datetime) -> list[str]:
    found = []
    beaten_at = health.beaten_at(session)
    if beaten_at is not None and now - beaten_at > _BEAT_LATE:
        found.append("the scheduler stands still")
    if health.due_retries(session, now=now).age(now=now) > _RETRY_LATE:
        found.append("retries are late")
    if health.due_events(session, now=now).age(now=now) > _EVENT_LATE:
        found.append("events are late")
    return found


def _faults_of_writing() -> list[str]:
    try:
        with transaction() as session:
            health.touch(session)
            raise _Undone
    except _Undone:
        return []
    except SQLAlchemyError:
        return ["the database cannot be written"]
