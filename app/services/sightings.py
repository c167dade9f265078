"""What this machine last saw of the database, in a small file beside it.

A copy that is put back knows nothing of the time since; the file does. Losing it loses
nothing but this warning.
"""

import hashlib
import json
import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import make_url

from app import current
from app.config import INSTANCE

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sighting:
    """Which database it was, and how far its heart had beaten."""

    identity: str
    beat: int


def last() -> Sighting | None:
    """What was seen last; None where nothing is known."""
    try:
        kept = json.loads(_file().read_text())
        return Sighting(str(kept["identity"]), int(kept["beat"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(sighting: Sighting) -> None:
    """Remember it. To be called when the beat is committed, never before."""
    file = _file()
    new = file.with_name(f"{file.name}.new")
    try:
        kept = {"identity": sighting.identity, "beat": sighting.beat}
        new.write_text(json.dumps(kept))
        new.replace(file)
    except OSError as fault:
        _tell_once(str(fault))


@cache
def _tell_once(fault: str) -> None:
    log.warning("what was seen of the database could not be kept: %s", fault)


def _file() -> Path:
    url = current.config().database_url
    database = make_url(url).database
    if current.config().is_sqlite and database:
        return Path(f"{database}.seen")
    name = hashlib.sha256(url.encode()).hexdigest()[:12]
    return INSTANCE / f"database-{name}.seen"
