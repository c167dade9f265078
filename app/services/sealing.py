"""Seals the audit trail, in the background: whoever writes an entry waits for nothing.

Entries get a place in the chain, in batches, within seconds; under a flood of charges
the open tail grows, and is worked off afterwards. What has no seal yet is guarded by
the database's triggers alone; `flask audit verify` says how much that is.
"""

from datetime import datetime

from sqlalchemy.exc import IntegrityError

from app.domain.audit_chain import Link, Sealable, Verdict, seal_of, verify
from app.storage import audit_trail
from app.storage.transaction import reading, transaction

# A batch holds the database's one writer for some milliseconds; so many of them at a
# time leave the rest of the five seconds to charges and webhooks.
BATCH = 500
MOST = 2500


class _Overtaken(Exception):
    """Another process sealed the same entries in the same moment."""


def seal(*, now: datetime) -> int:
    """Seal what has no seal; how many entries that were."""
    del now  # entries have their own times
    sealed = 0
    while sealed < MOST:
        batch = _seal_some()
        sealed += batch
        if batch < BATCH:
            break
    return sealed


def verdict(anchor: tuple[int, str] | None = None) -> Verdict:
    """Whether the whole chain holds, and holds the entry that was noted down."""
    with reading() as session:
        return verify(audit_trail.chain(session), anchor=anchor)


def open_tail() -> tuple[int, datetime | None]:
    """How many entries have no seal yet, and the time of the oldest."""
    with reading() as session:
        return audit_trail.waiting(session)


def _seal_some() -> int:
    with reading() as session:
        entries = audit_trail.unsealed(session, limit=BATCH)
        position, head = audit_trail.end_of_chain(session)
    links = _linked(entries, position, head)
    if not links:
        return 0
    try:
        with transaction() as session:
            if not audit_trail.put_seals(session, links):
                raise _Overtaken
    except (_Overtaken, IntegrityError):
        return 0  # the next round sees what the other one did
    return len(links)


def _linked(entries: list[Sealable], position: int, head: str) -> list[Link]:
    links = []
    for entry in entries:
        position += 1
        head = seal_of(entry, position=position, before=head)
        links.append(Link(position, entry, head))
    return links
