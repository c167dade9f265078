"""`flask --app app backup` and `restore`."""

from pathlib import Path

import click
from flask.cli import with_appcontext

from app import current

A_PATH = click.Path(path_type=Path)


@click.command("backup")
@click.argument("target", type=A_PATH)
@click.option("--keep", type=click.IntRange(1), help="in a folder: how many to keep")
@with_appcontext
def backup(target: Path, keep: int | None) -> None:
    """Back the database up into TARGET, a new file or a folder, while it is served.

    With --keep, TARGET is a folder, and made where there is none.
    """
    # Imported here: other commands need none of it.
    from app.services import backups
    from app.storage.sqlite_copies import CopyFault

    if keep:
        # Else the first night's backup would be a file of this name, and the only one.
        _have_folder(target)
    now, folder = current.wall(), target.is_dir()
    file = target / backups.name(now=now) if folder else target
    try:
        made = backups.make(file, now=now)
    except CopyFault as fault:
        raise click.ClickException(str(fault)) from None
    click.echo(f"{file}: {made.bytes:,} bytes, {made.total:,} rows, read back whole.")
    if folder and keep:
        for old in backups.thin_out(target, keep=keep):
            click.echo(f"Removed {old}.")
    click.echo("It needs ENCRYPTION_KEYS to be of use: keep those elsewhere.")


def _have_folder(target: Path) -> None:
    """Make it, for its owner's eyes alone; ClickException where that cannot be."""
    try:
        target.mkdir(mode=0o700, exist_ok=True)
    except OSError as fault:
        said = f"{target} is no folder and cannot be made one: {fault.strerror}."
        raise click.ClickException(said) from None


@click.command("restore")
@click.argument("file", type=A_PATH)
@click.option("--replace", is_flag=True, help="put it in the place of what is there")
@click.option("--keep-switches", is_flag=True, help="go on charging by itself")
@with_appcontext
def restore(*, file: Path, replace: bool, keep_switches: bool) -> None:
    """Put a backup back. Stripe is asked about all open invoices before any charge."""
    # Imported here: serving needs none of it, and it takes memory.
    import flask_migrate

    from app.services import restored, restoring
    from app.storage.sqlite_copies import CopyFault

    try:
        kept = restoring.put_back(file, replace=replace)
    except CopyFault as fault:
        raise click.ClickException(str(fault)) from None
    flask_migrate.upgrade()
    now = current.now()
    restoring.leave_home()
    off = 0 if keep_switches else restoring.switch_off(now=now)
    restored.beat(now=now)
    click.echo(f"Restored from {file}, checked and migrated.")
    if kept:
        click.echo(f"What was there before is in {kept}.")
    click.echo("Before any charge Stripe is asked about every open invoice.")
    if off:
        click.echo(
            "The switch is off: what people stopped or paused since the backup is not "
            "in it. Look through the open recoveries, then turn it on."
        )
