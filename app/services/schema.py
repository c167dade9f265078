"""Is the database the one that this version of the code knows?"""

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app

from app.extensions import db


def is_migrated() -> bool:
    """Whether every migration has been applied."""
    directory = current_app.extensions["migrate"].directory
    with db.engine.connect() as connection:
        applied = MigrationContext.configure(connection).get_current_heads()
    return set(applied) == set(ScriptDirectory(directory).get_heads())
