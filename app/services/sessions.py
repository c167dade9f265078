"""Who is signed in where: a row for each browser, ended one by one, or all at once.

Only hashes of the tokens are kept. That a session is in use is noted in memory and
written down once a minute: a page that is looked at must not cost a write.
"""

import secrets
import threading
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import cast

from flask import Flask, current_app
from sqlalchemy import ColumnElement, bindparam, delete, or_, select, update
from sqlalchemy.orm import Session

from app import current
from app.services import audit
from app.services.tokens import hash_of
from app.storage.models import User
from app.storage.people_models import UserSession
from app.storage.transaction import reading, transaction

# A working day, then sign in again; sooner when nobody has touched it.
ABSOLUTE_LIFE = timedelta(hours=12)
IDLE_LIFE = timedelta(hours=2)
# So long a password just given stands for what matters: connecting, keys, the team.
FRESH_FOR = timedelta(minutes=15)
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """One session as a page needs it, free of any database session."""

    id: int
    user_id: int
    address: str
    browser: str
    signed_in_at: datetime
    seen_at: datetime
    confirmed_at: datetime

    def lives(self, *, now: datetime) -> bool:
        """Whether it is neither too old nor too long unused."""
        is_young = now - self.signed_in_at <= ABSOLUTE_LIFE
        return is_young and now - self.seen_at <= IDLE_LIFE

    def is_fresh(self, *, now: datetime) -> bool:
        """Whether the password was given a moment ago."""
        return now - self.confirmed_at <= FRESH_FOR


# Every page asks it: built once and read as columns, it costs a third of mapped rows.
_user, _row = User.__table__.c, UserSession.__table__.c
_OF_USER = tuple(_user.keys())
_OF_SESSION = tuple(_row[field.name] for field in fields(SignedIn))
_FOUND = (
    select(*_user, *_OF_SESSION)
    .join_from(User.__table__, UserSession.__table__, _row.user_id == _user.id)
    .where(_row.token_hash == bindparam("token_hash"), _user.removed_at.is_(None))
)


class Seen:
    """One per application: when each session was last in use, until it is written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: dict[int, datetime] = {}

    def last(self, session_id: int, *, written: datetime) -> datetime:
        """`written`, or later where it was noted since."""
        return max(written, self._times.get(session_id, written))

    def note(self, session_id: int, *, now: datetime) -> None:
        with self._lock:
            self._times[session_id] = now

    def taken(self) -> dict[int, datetime]:
        """What was noted since the last time."""
        with self._lock:
            times, self._times = self._times, {}
        return times


def register(app: Flask) -> None:
    """Let `app` note which sessions are in use."""
    app.extensions["metricsco.seen"] = Seen()


def begin(user_id: int, *, address: str, browser: str, now: datetime) -> str:
    """A new session of somebody who gave the password; its token, kept nowhere."""
    token = secrets.token_urlsafe(32)
    row = UserSession(
        user_id=user_id,
        token_hash=hash_of(token),
        address=address[:45],
        browser=browser[:200],
        signed_in_at=now,
        seen_at=now,
        confirmed_at=now,
    )
    with transaction() as session:
        session.add(row)
    return token


def find(
    session: Session, token: str, *, now: datetime
) -> tuple[User, SignedIn] | None:
    """Whose session this token names, and what is known of the person, a copy to read;
    None when the session has ended."""
    wanted = {"token_hash": hash_of(token)}
    row = session.connection().execute(_FOUND, wanted).first()
    if row is None:
        return None
    signed_in = _as_seen(SignedIn(*row[len(_OF_USER) :]))
    if not signed_in.lives(now=now):
        return None
    return User(**dict(zip(_OF_USER, row, strict=False))), signed_in


def touch(signed_in: SignedIn, *, now: datetime) -> None:
    """It is in use: remembered here, written down by the next `write_down`."""
    if now - signed_in.seen_at > _SEEN_EVERY:
        _seen().note(signed_in.id, now=now)


def confirm(signed_in: SignedIn, *, now: datetime) -> SignedIn:
    """The password was given again, just now."""
    with transaction() as session:
        session.execute(
            update(UserSession)
            .where(UserSession.id == signed_in.id)
            .values(confirmed_at=now)
        )
    return replace(signed_in, confirmed_at=now)


def of_user(user_id: int, *, now: datetime) -> list[SignedIn]:
    """The person's living sessions, the one used last first."""
    with reading() as session:
        rows = session.execute(select(*_OF_SESSION).where(_row.user_id == user_id))
        found = [_as_seen(SignedIn(*row)) for row in rows]
    living = [one for one in found if one.lives(now=now)]
    return sorted(living, key=lambda one: (one.seen_at, one.id), reverse=True)


def end(session_id: int, *, user_id: int, now: datetime) -> bool:
    """End one session of this person; whether there was one."""
    its = UserSession.id == session_id
    return _end_of(user_id, its, "signed out", now=now) == 1


def end_others(user_id: int, *, but: int, now: datetime) -> None:
    """End every session of this person except one."""
    _end_of(user_id, UserSession.id != but, "signed out elsewhere", now=now)


def _end_of(
    user_id: int, which: ColumnElement[bool], action: str, *, now: datetime
) -> int:
    """End these sessions of the person, with an entry in the trail; how many."""
    with transaction() as session:
        addresses = session.scalars(
            delete(UserSession)
            .where(UserSession.user_id == user_id, which)
            .returning(UserSession.address)
        ).all()
        if addresses:
            detail = f"from {', '.join(sorted(set(addresses)))}"
            audit.note(session, action, user_id=user_id, now=now, detail=detail)
        return len(addresses)


def end_all(session: Session, user: User) -> None:
    """The person is signed out everywhere when the transaction ends.

    The epoch ends sign-ins that are half done, and sessions that a process of an older
    version still believes in.
    """
    session.execute(delete(UserSession).where(UserSession.user_id == user.id))
    user.session_epoch += 1


def write_down(*, now: datetime) -> int:
    """Write when sessions were last in use, forget dead ones; how many were in use.

    By the machine's time, as sessions are: `now` may be a sandbox's.
    """
    at = current.wall()
    seen = _seen().taken()
    with reading() as session:
        dead = session.scalars(select(UserSession.id).where(_is_dead(at))).all()
    if not (seen or dead):
        return 0
    with transaction() as session:
        for session_id, time in seen.items():
            session.execute(
                update(UserSession)
                .where(UserSession.id == session_id, UserSession.seen_at < time)
                .values(seen_at=time)
            )
        session.execute(delete(UserSession).where(_is_dead(at)))
    return len(seen)


def _is_dead(at: datetime) -> ColumnElement[bool]:
    return or_(
        UserSession.signed_in_at < at - ABSOLUTE_LIFE,
        # Another process may hold the news of its last minute.
        UserSession.seen_at < at - IDLE_LIFE - 2 * _SEEN_EVERY,
    )


def _as_seen(signed_in: SignedIn) -> SignedIn:
    """With what is noted since it was written."""
    last = _seen().last(signed_in.id, written=signed_in.seen_at)
    return replace(signed_in, seen_at=last)


def _seen() -> Seen:
    return cast(Seen, current_app.extensions["metricsco.seen"])
