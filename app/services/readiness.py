"""Is this installation able to work? Faults in words that give nothing away."""

from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.storage import health
from app.storage.transaction import reading, transaction

# Retries run every minute and events every few seconds. This late, somebody has to
# look; sooner would alarm during every restart and every slow hour at Stripe.
_RETRY_LATE = timedelta(hours=1)
_EVENT_LATE = timedelta(minutes=15)


class _Undone(Exception):
    """Takes a trial write back."""


def faults(*, schema: str | None, now: datetime, real_time: bool) -> list[str]:
    """What keeps it from working; empty when it works.

    `schema` is the migration the code wants. A sandbox's clock may run a day in a
    second (`real_time` false): nothing is late there.
    """
    try:
        with reading() as session:
            found = _faults_of_data(session, schema, now=now, real_time=real_time)
        return found + _faults_of_writing()
    except SQLAlchemyError:
        return ["the database cannot be read"]


def _faults_of_data(
    session: Session, schema: str | None, *, now: datetime, real_time: bool
) -> list[str]:
    found = []
    if health.schema_version(session) != schema:
        found.append("the database needs `flask --app app db upgrade`")
    if real_time:
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
