"""Passwords: hashed with argon2id, few at a time."""

import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 12
MAX_LENGTH = 1024  # longer is no password, but a way to keep us busy
# What people make of a length that is asked for: tried first by whoever guesses.
_COMMON = re.compile(
    r"(password|passwort|passw0rd|qwertyuiop|qwerty|asdfghjkl|letmein|welcome|changeme|"
    r"iloveyou|administrator|admin|metricsco|[\W\d_])*"
)
_ROW = "0123456789" * 3

# OWASP Password Storage Cheat Sheet, read 2026-11: 19 MiB, two passes, one lane.
_hasher = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)
# Hashing is slow on purpose: a flood of sign-ins may hold two threads and 40 MB, so
# that webhooks and retries go on.
_at_once = threading.BoundedSemaphore(2)
_PATIENCE_SECONDS = 5.0


class TooBusy(Exception):
    """More passwords are waiting to be checked than this machine can take."""


def hashed(password: str) -> str:
    """What is stored in place of `password`."""
    with _turn():
        return _hasher.hash(password)


# Of nobody's password: somebody unknown takes as long to refuse as somebody known.
_NOBODY = _hasher.hash(secrets.token_hex())


def matches(password: str, stored: str | None) -> bool:
    """Whether `password` is the one behind `stored`; always as slow as a real check."""
    with _turn():
        try:
            _hasher.verify(stored or _NOBODY, password[:MAX_LENGTH])
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def fault(password: str) -> str | None:
    """What is wrong with `password` as a new one, in a sentence."""
    if len(password) < MIN_LENGTH:
        return f"Choose a password of at least {MIN_LENGTH} characters."
    if len(password) > MAX_LENGTH:
        return f"Choose a password of at most {MAX_LENGTH} characters."
    if len(set(password)) < 4:
        return "Choose a password with more than a few different characters."
    if _is_guessed_first(password.lower()):
        return "Choose a password that is more than a common word, digits and signs."
    return None


def _is_guessed_first(password: str) -> bool:
    if any(letter.isalpha() for letter in password):
        return _COMMON.fullmatch(password) is not None
    return password in _ROW or password in _ROW[::-1]


@contextmanager
def _turn() -> Iterator[None]:
    if not _at_once.acquire(timeout=_PATIENCE_SECONDS):
        raise TooBusy
    try:
        yield
    finally:
        _at_once.release()
