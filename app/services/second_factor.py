"""The second factor: codes of an authenticator app (RFC 6238), and recovery codes.

The secret is sealed; of recovery codes only hashes are kept. Each code works once.
"""

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from app import current
from app.services import audit
from app.services.tokens import hash_of
from app.storage.models import User
from app.storage.people_models import RecoveryCode, SecondFactor
from app.storage.transaction import reading, transaction

ISSUER = "Metricsco"
# What every authenticator app understands: SHA-1, six digits, half a minute.
_DIGITS, _STEP_SECONDS, _SECRET_BYTES = 6, 30, 20
# A clock may be half a minute off, either way.
_STEPS_AROUND = (0, -1, 1)
_RECOVERY_CODES, _RECOVERY_BYTES = 10, 10


class CodeRefused(Exception):
    """No such code, or not any more."""


class NothingToDo(Exception):
    """The second factor is not in the state that this asks for; the text says why."""


@dataclass(frozen=True, slots=True)
class State:
    """What the person's own page shows."""

    on_since: datetime | None = None
    codes_left: int = 0
    is_begun: bool = False


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app must be told; never logged, shown once."""

    secret: str
    address: str  # otpauth://


def is_on(user_id: int) -> bool:
    """Whether this person gives a code after the password."""
    return state_of(user_id).on_since is not None


def state_of(user_id: int) -> State:
    """Whether it is on, since when, and how many recovery codes are left."""
    with reading() as session:
        row = session.get(SecondFactor, user_id)
        if row is None:
            return State()
        left = session.scalar(
            select(func.count()).where(
                RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None)
            )
        )
        return State(row.on_since, left or 0, is_begun=row.on_since is None)


def begin(user_id: int) -> None:
    """A new secret, in force once a code shows that the app has it."""
    sealed = current.vault().encrypt(_text(secrets.token_bytes(_SECRET_BYTES)))
    with transaction() as session:
        row = session.get(SecondFactor, user_id, with_for_update=True)
        if row is None:
            row = SecondFactor(user_id=user_id)
            session.add(row)
        elif row.on_since:
            raise NothingToDo("Your second factor is on. Turn it off first.")
        row.sealed_secret, row.last_step = sealed, 0


def enrolment(user_id: int) -> Enrolment | None:
    """What to show while it is being set up; may raise SecretUnreadable."""
    with reading() as session:
        row = session.get(SecondFactor, user_id)
        user = session.get_one(User, user_id)
        if row is None or row.on_since:
            return None
        secret = current.vault().decrypt(row.sealed_secret)
    totp = TOTP(_bytes(secret), _DIGITS, SHA1(), _STEP_SECONDS)  # noqa: S303 - RFC 6238
    return Enrolment(secret, totp.get_provisioning_uri(user.email, ISSUER))


def turn_on(user_id: int, code: str, *, now: datetime) -> list[str]:
    """It is in force from now on; the recovery codes, shown once.

    Raises CodeRefused, NothingToDo, SecretUnreadable.
    """
    step = _step_of(user_id, code, now=now, is_on=False)
    with transaction() as session:
        turned = session.scalar(
            update(SecondFactor)
            .where(SecondFactor.user_id == user_id, SecondFactor.on_since.is_(None))
            .values(on_since=now, last_step=step)
            .returning(SecondFactor.user_id)
        )
        if turned is None:
            raise NothingToDo("Your second factor is on already.")
        audit.note(session, "second factor on", user_id=user_id, now=now)
        return _new_codes(session, user_id)


def check(user_id: int, code: str, *, now: datetime) -> None:
    """Use up a code of the app or a recovery code.

    Raises CodeRefused, and SecretUnreadable when the key of the secret is lost.
    """
    if not _is_of_app(_tidy(code)):
        _use_recovery_code(user_id, code, now=now)
        return
    step = _step_of(user_id, code, now=now, is_on=True)
    with transaction() as session:
        # Whoever reads a code over a shoulder finds it used; so do two at once.
        used = session.scalar(
            update(SecondFactor)
            .where(SecondFactor.user_id == user_id, SecondFactor.last_step < step)
            .values(last_step=step)
            .returning(SecondFactor.user_id)
        )
    if used is None:
        raise CodeRefused


def renew_codes(user_id: int, *, now: datetime) -> list[str]:
    """New recovery codes, shown once; the old ones are worthless."""
    with transaction() as session:
        row = session.get(SecondFactor, user_id, with_for_update=True)
        if row is None or row.on_since is None:
            raise NothingToDo("Your second factor is not on.")
        audit.note(session, "recovery codes renewed", user_id=user_id, now=now)
        return _new_codes(session, user_id)


def turn_off(user_id: int, *, by_id: int | None, now: datetime) -> bool:
    """The password alone is enough again; whether there was anything to turn off."""
    with transaction() as session:
        user = session.get_one(User, user_id)
        if not forget(session, user_id):
            return False
        is_own = by_id == user_id
        audit.note(
            session,
            "second factor off" if is_own else "second factor reset",
            user_id=by_id,
            now=now,
            detail="" if is_own else user.email,
        )
    return True


def forget(session: Session, user_id: int) -> bool:
    """Nothing of the person's second factor is kept; whether there was one."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    gone = session.scalar(
        delete(SecondFactor)
        .where(SecondFactor.user_id == user_id)
        .returning(SecondFactor.user_id)
    )
    return gone is not None


def _step_of(user_id: int, code: str, *, now: datetime, is_on: bool) -> int:
    """Which half minute the code belongs to; CodeRefused when to none."""
    with reading() as session:
        row = session.get(SecondFactor, user_id)
        sealed = row.sealed_secret if row and bool(row.on_since) is is_on else None
    given = _tidy(code)
    if sealed is None or not _is_of_app(given):
        raise CodeRefused
    hotp = HOTP(_bytes(current.vault().decrypt(sealed)), _DIGITS, SHA1())  # noqa: S303
    this_step = int(now.timestamp()) // _STEP_SECONDS
    for step in (this_step + around for around in _STEPS_AROUND):
        if hmac.compare_digest(hotp.generate(step), given.encode()):
            return step
    raise CodeRefused


def _use_recovery_code(user_id: int, code: str, *, now: datetime) -> None:
    with transaction() as session:
        used = session.scalar(
            update(RecoveryCode)
            .where(
                RecoveryCode.user_id == user_id,
                RecoveryCode.code_hash == hash_of(_tidy(code)),
                RecoveryCode.used_at.is_(None),
            )
            .values(used_at=now)
            .returning(RecoveryCode.id)
        )
        if used is None:
            raise CodeRefused
        audit.note(session, "recovery code used", user_id=user_id, now=now)


def _new_codes(session: Session, user_id: int) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = [
        _text(secrets.token_bytes(_RECOVERY_BYTES)) for _ in range(_RECOVERY_CODES)
    ]
    session.add_all(
        RecoveryCode(user_id=user_id, code_hash=hash_of(code.lower())) for code in codes
    )
    return ["-".join(c[i : i + 4] for i in range(0, 16, 4)).lower() for c in codes]


def _tidy(code: str) -> str:
    """As codes are compared: people type spaces, dashes and capitals."""
    return code.replace(" ", "").replace("-", "").lower()[:64]


def _is_of_app(code: str) -> bool:
    return len(code) == _DIGITS and code.isascii() and code.isdecimal()


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode()


def _bytes(text: str) -> bytes:
    return base64.b32decode(text)
