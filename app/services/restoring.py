"""Putting a backup back, verified. What it does not know is asked for afterwards.

Charges made since the backup are found at Stripe (services/restored.py). What people
did since, a stop or the switch, is nowhere: so the switches are turned off.
"""

from datetime import datetime
from pathlib import Path

from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import delete, update

from app import current
from app.config import environment
from app.extensions import db
from app.services import backups
from app.services.audit import note
from app.services.backups import LEAVE_OUT, Contents
from app.storage import postgresql_copies, sqlite_copies
from app.storage.installation import Installation
from app.storage.models import StripeAccount
from app.storage.sqlite_copies import CopyFault
from app.storage.transaction import transaction

SWITCHED_OFF = "A backup was restored: what people did since then is not in it."


def put_back(copy: Path, *, replace: bool) -> Path | None:
    """Fill the database from a backup that proves sound; nothing is half done.

    Over a database with something in it only with `replace`, and only on SQLite: what
    was there is kept in a file of its own, which is returned. Migrating is the
    caller's. Raises CopyFault, and has then changed nothing.
    """
    if not copy.is_file():
        raise CopyFault(f"There is no file {copy}.")
    told = backups.contents(copy)
    if told is not None and told.sha256 != backups.checksum(copy):
        raise CopyFault(f"{copy} is not what was backed up: its checksum differs.")
    if told is not None and told.database != backups.kind():
        raise CopyFault(
            f"{copy} is a backup of {told.database}, not of {backups.kind()}."
        )
    is_empty = _is_empty()
    if current.config().is_sqlite:
        return _put_into_file(copy, told, is_empty=is_empty, replace=replace)
    if not is_empty:
        raise CopyFault(
            "There is something in this database. Make an empty one (createdb), set "
            "DATABASE_URL to it, and restore into that."
        )
    environ = environment()
    postgresql_copies.check(copy, environ=environ)
    postgresql_copies.put_in(copy, db.engines["writer"].url, environ=environ)
    with db.engine.connect() as connection:
        _compare(told, backups.count(connection))
    return None


def switch_off(*, now: datetime) -> int:
    """Turn every account's switch off: what people stopped or paused since the backup
    is not in it, and only they know; how many were on."""
    with transaction() as session:
        ids = session.scalars(
            update(StripeAccount)
            .where(StripeAccount.is_on)
            .values(is_on=False, switched_at=now)
            .returning(StripeAccount.id)
        ).all()
        for id in ids:
            note(
                session,
                "account.switched_off",
                detail=SWITCHED_OFF,
                account_id=id,
                user_id=None,
                now=now,
            )
        return len(ids)


def leave_home() -> None:
    """Whatever the copy was made with: nothing is charged before Stripe was asked."""
    with transaction() as session:
        session.execute(delete(Installation))


def _put_into_file(
    copy: Path, told: Contents | None, *, is_empty: bool, replace: bool
) -> Path | None:
    if not (is_empty or replace):
        raise CopyFault(
            "There is something in this database. To put the backup in its place, say "
            "--replace; what is there now is kept in a file beside it."
        )
    database = backups.file()
    known = sqlite_copies.revision(copy)
    if known not in _revisions():
        raise CopyFault(
            f"{copy} is no database of Metricsco, or of a newer version of it."
        )
    backups.refuse_unsound(copy)
    _compare(told, sqlite_copies.counts(copy, backups.tables()))
    kept = None
    if not is_empty:
        kept = _free_name(database)
        sqlite_copies.copy_out(database, kept)
    ready = database.with_name(f"{database.name}.restoring")
    ready.unlink(missing_ok=True)
    try:
        sqlite_copies.copy_out(copy, ready)
        if sqlite_copies.counts(ready, [Installation.__tablename__]):
            sqlite_copies.change(ready, LEAVE_OUT)
        for engine in db.engines.values():
            engine.dispose()
        sqlite_copies.put_in(ready, database)
    finally:
        ready.unlink(missing_ok=True)
    return kept


def _compare(told: Contents | None, found: dict[str, int]) -> None:
    if told is None:
        return
    wrong = [
        f"{name} has {found.get(name, 0)} rows instead of {rows}"
        for name, rows in told.rows.items()
        if found.get(name, 0) != rows
    ]
    if wrong:
        raise CopyFault(f"What was restored is not what was kept: {'; '.join(wrong)}.")


def _is_empty() -> bool:
    """Whether nobody has worked with the database: no person, no account."""
    if current.config().is_sqlite and not backups.file().exists():
        return True
    with db.engine.connect() as connection:
        rows = backups.count(connection)
    return not (rows.get("user") or rows.get("stripe_account"))


def _revisions() -> set[str]:
    """The migrations that this version knows."""
    scripts = ScriptDirectory(current_app.extensions["migrate"].directory)
    found = {script.revision for script in scripts.walk_revisions()}
    return {str(revision) for revision in found}


def _free_name(database: Path) -> Path:
    n = 1
    while (file := database.with_name(f"{database.name}.before-{n}")).exists():
        n += 1
    return file
