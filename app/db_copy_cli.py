"""`flask --app app db-copy`: from SQLite to PostgreSQL."""

from dataclasses import replace

import click
from flask.cli import with_appcontext

from app import current

SAY = (
    "A rehearsal: the copy's switches are off, and nothing here has changed. To move, "
    "stop the server and run it again with --move, into an empty database."
)
MOVED = (
    "Moved. This SQLite database is closed: nothing is served or charged from it any "
    "more. Set DATABASE_URL to the new one and start the server."
)


@click.command("db-copy")
@click.option("--to", required=True, help="postgresql+psycopg://...; empty")
@click.option("--move", is_flag=True, help="for good: the server has to be stopped")
@with_appcontext
def db_copy(to: str, move: bool) -> None:
    """Copy this SQLite database to PostgreSQL, checked row by row."""
    # Imported here: it stands above this module, and only this command needs it.
    from app import create_app
    from app.services import moving

    if not to.startswith("postgresql+psycopg://"):
        raise click.ClickException("--to: postgresql+psycopg://user:password@host/name")
    there = create_app(replace(current.config(), database_url=to))
    try:
        copied = moving.copy(there, move=move, now=current.now())
    except moving.NotMoved as fault:
        raise click.ClickException(str(fault)) from None
    for table, rows in copied.items():
        click.echo(f"{rows:>12,}  {table}")
    click.echo(f"{sum(copied.values()):>12,}  rows, compared one by one.")
    click.echo(MOVED if move else SAY)
