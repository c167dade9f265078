"""The people who sign in: added, changed, removed. Every change is in the trail."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import available_timezones

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import passwords
from app.domain.people import Role
from app.services import audit, second_factor, sessions
from app.storage.models import User
from app.storage.transaction import reading, transaction

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*")
_LONGEST_EMAIL, _LONGEST_NAME = 254, 120


class PersonRefused(Exception):
    """What was asked cannot be; `field` is the form's, the text a sentence."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def tidy_email(text: str) -> str:
    """`text` as addresses are stored and compared: trimmed, lower case, not endless."""
    return text.strip().lower()[: _LONGEST_EMAIL + 1]


def with_email(email: str) -> User | None:
    """The person who signs in by this address."""
    with reading() as session:
        return session.scalar(_present().where(User.email == tidy_email(email)))


def with_password(email: str, password: str) -> User | None:
    """The person whose address and password these are; as slow for a wrong address."""
    user = with_email(email)
    stored = user.password_hash if user else None
    return user if passwords.matches(password, stored) else None


def note_sign_in(user_id: int, *, address: str, now: datetime) -> None:
    """Put in the trail that somebody came in, and from where."""
    with transaction() as session:
        audit.note(
            session, "signed in", user_id=user_id, now=now, detail=f"from {address}"
        )


def note_guessing(user_id: int, *, address: str, now: datetime) -> None:
    """Put in the trail that somebody who has the password guesses codes."""
    with transaction() as session:
        audit.note(
            session,
            "second step refused",
            user_id=user_id,
            now=now,
            detail=f"too many wrong codes, the last from {address}",
        )


def members() -> list[User]:
    """Everybody who may sign in, by address."""
    with reading() as session:
        return list(session.scalars(_present().order_by(User.email)))


def member(user_id: int) -> User | None:
    """One of them."""
    with reading() as session:
        return session.scalar(_present().where(User.id == user_id))


def add(
    email: str, password: str, *, role: Role, now: datetime, name: str = ""
) -> None:
    """A new person, by the operator's command. Raises PersonRefused."""
    address, sealed = checked_email(email), checked_password(password)
    with unique_email(address), transaction() as session:
        user = enter(session, address, sealed, role=role, now=now, name=name)
        audit.note(
            session,
            "user added",
            user_id=None,
            now=now,
            detail=f"{user.email} as {role}, by command",
        )


def enter(
    session: Session,
    email: str,
    password_hash: str,
    *,
    role: Role,
    now: datetime,
    name: str = "",
) -> User:
    """The row of a new person, or of one who was removed and comes back."""
    user = session.scalar(select(User).where(User.email == email).with_for_update())
    if user is None:
        user = User(email=email, created_at=now, session_epoch=0)
        session.add(user)
    elif user.removed_at is None:
        raise PersonRefused("email", f"{email} is already on the team.")
    user.name, user.role, user.password_hash = name, role, password_hash
    user.removed_at = None
    user.session_epoch += 1
    session.flush()
    return user


def change_profile(
    user_id: int, *, name: str, email: str, timezone: str, now: datetime
) -> None:
    """The person's own name, address and time zone. Raises PersonRefused."""
    address, name = checked_email(email), checked_name(name)
    if timezone not in available_timezones():
        raise PersonRefused("timezone", "Choose a time zone from the list.")
    with unique_email(address), transaction() as session:
        user = _locked(session, user_id)
        before = user.email
        user.name, user.email, user.timezone = name, address, timezone
        detail = f"{before} is now {address}" if before != address else ""
        audit.note(session, "profile changed", user_id=user_id, now=now, detail=detail)


def change_password(user_id: int, password: str, *, now: datetime) -> User:
    """A new password; every session of this person ends. Raises PersonRefused."""
    sealed = checked_password(password, field="new_password")
    with transaction() as session:
        user = _locked(session, user_id)
        user.password_hash = sealed
        sessions.end_all(session, user)
        audit.note(session, "password changed", user_id=user_id, now=now)
        return user


def change_role(user_id: int, role: Role, *, by_id: int, now: datetime) -> None:
    """Another role; the last owner stays one. Raises PersonRefused."""
    with transaction() as session:
        user = _locked(session, user_id)
        if role is not Role.OWNER:
            _refuse_last_owner(session, user, "stay an owner")
        before, user.role = user.role, role
        audit.note(
            session,
            "role changed",
            user_id=by_id,
            now=now,
            detail=f"{user.email} from {before} to {role}",
        )


def remove(user_id: int, *, by_id: int, now: datetime) -> None:
    """Off the team at once, everywhere; the trail keeps the name."""
    with transaction() as session:
        user = _locked(session, user_id)
        _refuse_last_owner(session, user, "stay")
        user.removed_at = now
        user.password_hash = ""
        sessions.end_all(session, user)
        second_factor.forget(session, user_id)
        audit.note(session, "user removed", user_id=by_id, now=now, detail=user.email)


def checked_email(text: str) -> str:
    """The address as it is stored, or PersonRefused."""
    email = tidy_email(text)
    fits = len(email) <= _LONGEST_EMAIL and email.isprintable()
    if not (fits and _EMAIL.fullmatch(email)):
        raise PersonRefused("email", "Give an e-mail address such as ann@example.com.")
    return email


def checked_name(text: str) -> str:
    """The name without stray spaces, or PersonRefused."""
    name = " ".join(text.split())
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise PersonRefused("name", f"Give a name of at most {_LONGEST_NAME} letters.")
    return name


def checked_password(password: str, *, field: str = "password") -> str:
    """The hash of a password that is good enough, or PersonRefused."""
    fault = passwords.fault(password)
    if fault:
        raise PersonRefused(field, fault)
    return passwords.hashed(password)


@contextmanager
def unique_email(email: str) -> Iterator[None]:
    """Two people cannot have one address, even when both ask at once."""
    try:
        yield
    except IntegrityError:
        raise PersonRefused("email", f"{email} is taken already.") from None


def is_empty(session: Session) -> bool:
    """Whether nobody can sign in yet."""
    return session.scalar(_present().limit(1)) is None


def _present() -> Select[User]:
    return select(User).where(User.removed_at.is_(None))


def _locked(session: Session, user_id: int) -> User:
    """The person's row, held until the transaction ends."""
    wanted = _present().where(User.id == user_id).with_for_update()
    user: User | None = session.scalar(wanted)
    if user is None:
        raise PersonRefused("user", "This person is not on the team any more.")
    return user


def _refuse_last_owner(session: Session, user: User, must: str) -> None:
    """Raise PersonRefused when nobody else could manage the team."""
    if user.role is not Role.OWNER:
        return
    # All owners are held: two who leave at the same moment do so one after the other.
    owners = session.scalars(
        _present().where(User.role == Role.OWNER).with_for_update()
    ).all()
    if len(owners) == 1:
        raise PersonRefused(
            "role", f"{user.email} is the last owner and has to {must}."
        )
