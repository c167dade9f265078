"""Is the database the one that this version of the code knows, and still in use?"""

import re
from functools import cache

from sqlalchemy import inspect, select

from app.config import ROOT
from app.extensions import db
from app.storage.installation import Installation
from app.storage.transaction import reading

_VERSION = re.compile(r'^(revision|down_revision) = "(\w+)"', re.MULTILINE)


def is_migrated() -> bool:
    """Whether every migration has been applied."""
    with db.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
        return set(found.scalars()) == _newest()


@cache
def _newest() -> set[str]:
    """The migrations that no other follows. Read here, for Alembic is 9 MB to load."""
    known: dict[str, set[str]] = {"revision": set(), "down_revision": set()}
    for script in (ROOT / "migrations" / "versions").glob("*.py"):
        for name, version in _VERSION.findall(script.read_text()):
            known[name].add(version)
    return known["revision"] - known["down_revision"]


def was_moved() -> bool:
    """Whether everything in it was moved to another database."""
    with reading() as session:
        return session.scalar(select(Installation.moved_at)) is not None
