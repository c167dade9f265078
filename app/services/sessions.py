"""Who is signed in where: a row for each browser, ended one by one, or all at once.

Only hashes of the tokens are kept. That a session is in use is noted in memory and
written down once a minute: a page that is looked at must not cost a write.
"""

import secrets
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from flask import Flask, current_app
from sqlalchemy import ColumnElement, bindparam, delete, or_, select, update
from sqlalchemy.orm import Session

from app import current
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

# Every page asks it: built once, it costs half as much.
_FOUND = (
    select(User, UserSession)
    .join(UserSession, UserSession.user_id == User.id)
    .where(UserSession.token_hash == bindparam("token_hash"), User.removed_at.is_(None))
)


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


class Seen:
    """One per application: when each session was last in use, until it is written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: dict[int, datetime] = {}

    def last(self, row: UserSession) -> datetime:
        return max(row.seen_at, self._times.get(row.id, row.seen_at))

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
    """Whose session this token names; None when it has ended."""
    found = session.execute(_FOUND, {"token_hash": hash_of(token)}).first()
    if found is None:
        return None
    user, row = found
    signed_in = _plain(row)
    return (user, signed_in) if signed_in.lives(now=now) else None


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
        rows = session.scalars(
            select(UserSession).where(UserSession.user_id == user_id)
        ).all()
    living = [one for one in map(_plain, rows) if one.lives(now=now)]
    return sorted(living, key=lambda one: (one.seen_at, one.id), reverse=True)


def end(session_id: int, *, user_id: int) -> bool:
    """End one session of this person; whether there was one."""
    with transaction() as session:
        ended = session.scalar(
            delete(UserSession)
            .where(UserSession.id == session_id, UserSession.user_id == user_id)
            .returning(UserSession.id)
        )
    return ended is not None


def end_others(user_id: int, *, but: int) -> None:
    """End every session of this person except one."""
    with transaction() as session:
        session.execute(
            delete(UserSession).where(
                UserSession.user_id == user_id, UserSession.id != but
            )
        )


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


def _plain(row: UserSession) -> SignedIn:
    return SignedIn(
        id=row.id,
        user_id=row.user_id,
        address=row.address,
        browser=row.browser,
        signed_in_at=row.signed_in_at,
        seen_at=_seen().last(row),
        confirmed_at=row.confirmed_at,
    )


def _seen() -> Seen:
    return cast(Seen, current_app.extensions["metricsco.seen"])
