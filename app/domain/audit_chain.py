"""The chain of the audit trail: each seal covers its entry and the seal before it."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

# What the first seal follows.
BEGINNING = "0" * 64


@dataclass(frozen=True, slots=True)
class Sealable:
    """What of an entry its seal covers: everything."""

    id: int
    at: datetime
    user_id: int | None
    account_id: int | None
    recovery_id: int | None
    action: str
    detail: str


@dataclass(frozen=True, slots=True)
class Link:
    """An entry with its place in the chain."""

    position: int
    entry: Sealable
    seal: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Up to `length` every seal fits, and the last of them is `head`.

    `fault` says what is wrong with what comes after; None: nothing.
    """

    length: int
    head: str
    fault: str | None = None


def seal_of(entry: Sealable, *, position: int, before: str) -> str:
    """SHA-256, in hex, of a JSON array without spaces, in UTF-8: the seal before, the
    position, and the entry's fields in order, its time in UTC to the microsecond."""
    told = [
        before,
        position,
        entry.id,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.user_id,
        entry.account_id,
        entry.recovery_id,
        entry.action,
        entry.detail,
    ]
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def verify(links: Iterable[Link], *, anchor: tuple[int, str] | None = None) -> Verdict:
    """Whether `links`, in order of position, are a whole chain from the beginning.

    `anchor` is a position and its seal as they were noted down elsewhere.
    """
    length, head = 0, BEGINNING
    for link in links:
        if link.position != length + 1:
            return Verdict(length, head, f"entry {length + 1} of the chain is missing")
        if seal_of(link.entry, position=link.position, before=head) != link.seal:
            return Verdict(
                length,
                head,
                f"entry {link.position} of the chain (row {link.entry.id}, "
                f"“{link.entry.action}” at {link.entry.at.isoformat()}) was changed",
            )
        length, head = link.position, link.seal
        if anchor and anchor[0] == length and anchor[1] != head:
            return Verdict(
                length, head, f"entry {length} is not the one that was noted down"
            )
    if anchor and anchor[0] > length:
        return Verdict(
            length, head, f"the chain ends before entry {anchor[0]}, the one noted down"
        )
    return Verdict(length, head)
