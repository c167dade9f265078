"""Flask-Migrate, loaded by whoever migrates and by nobody else.

Alembic and what it brings along (Mako, Pygments) are 9 MB that no page needs.
"""

from functools import cache
from typing import Any

import click
import sqlalchemy as sa
from flask import Flask
from werkzeug.local import LocalProxy

from app.config import ROOT
from app.extensions import db
from app.storage.base import UTCDateTime, Word


def register(app: Flask) -> None:
    """Give `app` its migrations and the command `flask db`."""

    @cache
    def load() -> None:
        from flask_migrate import Migrate

        # Puts its settings and its command in the places of the two below.
        Migrate().init_app(
            app,
            db,
            directory=str(ROOT / "migrations"),
            render_item=_plain_types,
            compare_type=True,
        )

    def settings() -> Any:
        load()
        return app.extensions["migrate"]

    def command() -> click.Command:
        load()
        return app.cli.commands["db"]

    app.extensions["migrate"] = LocalProxy(settings)
    app.cli.add_command(LocalProxy(command), "db")  # type: ignore[arg-type]


def _plain_types(kind: str, item: Any, _context: Any) -> str | bool:
    """Migrations never import the application: our types are spelled as plain ones."""
    if kind != "type":
        return False
    if isinstance(item, UTCDateTime):
        return "sa.DateTime()"
    if isinstance(item, Word):
        return "sa.String(length=24)"
    if isinstance(item, sa.BigInteger) and "sqlite" in item._variant_mapping:
        return 'sa.BigInteger().with_variant(sa.Integer(), "sqlite")'
    return False
