"""One-time links: the first owner's, and invitations. Only their hashes are kept."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from app.domain.people import Role
from app.services import audit, people
from app.services.people import PersonRefused
from app.services.tokens import hash_of
from app.storage.models import OneTimeLink, User
from app.storage.transaction import reading, transaction

LIFE = timedelta(hours=24)


class LinkDead(Exception):
    """No such link, or it was used, or its day is over."""


def first_owner_token(*, now: datetime) -> str | None:
    """A fresh link for the first owner while nobody can sign in, else None.

    Earlier ones stop working: the newest printed line is the one that counts.
    """
    with reading() as session:
        if not people.is_empty(session):
            return None
    with transaction() as session:
        session.execute(delete(OneTimeLink).where(OneTimeLink.email.is_(None)))
        return _new_link(session, role=Role.OWNER, email=None, now=now)


def invite(email: str, role: Role, *, by_id: int, now: datetime) -> str:
    """The token of an invitation; an earlier one for the address stops working."""
    address = people.checked_email(email)
    with transaction() as session:
        present = select(User.id).where(
            User.email == address, User.removed_at.is_(None)
        )
        if session.scalar(present):
            raise PersonRefused("email", f"{address} is already on the team.")
        session.execute(_use(now=now).where(OneTimeLink.email == address))
        token = _new_link(session, role=role, email=address, now=now)
        detail = f"{address} as {role}"
        audit.note(session, "user invited", user_id=by_id, now=now, detail=detail)
        return token


def invitations(*, now: datetime) -> list[OneTimeLink]:
    """The invitations that still wait, newest first."""
    waiting = (OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now)
    with reading() as session:
        return list(
            session.scalars(
                select(OneTimeLink)
                .where(OneTimeLink.email.is_not(None), *waiting)
                .order_by(OneTimeLink.id.desc())
            )
        )


def withdraw(link_id: int, *, by_id: int, now: datetime) -> None:
    """The invitation works no more."""
    with transaction() as session:
        link = session.get(OneTimeLink, link_id)
        if link is None or link.email is None or link.used_at:
            raise LinkDead
        link.used_at = now
        audit.note(
            session, "invitation withdrawn", user_id=by_id, now=now, detail=link.email
        )


def look(token: str, *, now: datetime) -> OneTimeLink:
    """The link of this token, unused; raises LinkDead."""
    with reading() as session:
        link = session.scalar(
            select(OneTimeLink).where(
                OneTimeLink.token_hash == hash_of(token),
                OneTimeLink.used_at.is_(None),
                OneTimeLink.expires_at > now,
            )
        )
    if link is None:
        raise LinkDead
    return link


def accept(token: str, *, email: str, name: str, password: str, now: datetime) -> User:
    """The link is used up and its person can sign in.

    An invitation's own address outranks `email`. Raises LinkDead, PersonRefused.
    """
    link = look(token, now=now)
    address = link.email or people.checked_email(email)
    name, sealed = people.checked_name(name), people.checked_password(password)
    with people.unique_email(address), transaction() as session:
        used = session.scalar(_use(now=now).where(OneTimeLink.id == link.id))
        if used is None or (link.email is None and not people.is_empty(session)):
            raise LinkDead
        user = people.enter(
            session, address, sealed, role=link.role, now=now, name=name
        )
        audit.note(
            session,
            "joined by a one-time link",
            user_id=user.id,
            now=now,
            detail=f"{address} as {link.role}",
        )
        return user


def _use(*, now: datetime) -> ReturningUpdate[int]:
    """Uses up what is narrowed further and says which; of two at once one gets it."""
    return (
        update(OneTimeLink)
        .where(OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now)
        .values(used_at=now)
        .returning(OneTimeLink.id)
    )


def _new_link(session: Session, *, role: Role, email: str | None, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    session.add(
        OneTimeLink(
            token_hash=hash_of(token),
            role=role,
            email=email,
            created_at=now,
            expires_at=now + LIFE,
        )
    )
    return token
