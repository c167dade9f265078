"""`flask --app app keys ...`: which key seals what, and everything under the newest."""

from collections.abc import Sequence

import click
from flask.cli import AppGroup

from app import current

keys = AppGroup("keys", help="The keys in ENCRYPTION_KEYS.")


@keys.command("status")
def status() -> None:
    """Say which key seals how much; exit 1 when something cannot be read."""
    # Imported here: other commands need none of it.
    from app.services import sealed_values

    found = sealed_values.survey()
    for key_id in current.vault().key_ids:
        count = found.by_key.pop(key_id, 0)
        newest = ", the newest" if key_id == current.vault().newest else ""
        unused = "" if count or newest else "; it may be taken out of ENCRYPTION_KEYS"
        click.echo(f"{key_id}{newest}: seals {count}{unused}")
    for missing, count in found.by_key.items():
        click.echo(f"{missing or 'unknown'}, not here: seals {count}")
    _refuse(found.lost)


@keys.command("rotate")
def rotate() -> None:
    """Seal everything under the newest key; exit 1 and say what could not be."""
    from app.services import sealed_values

    done = sealed_values.rotate()
    click.echo(f"{done.sealed_anew} sealed anew with key {current.vault().newest}.")
    _refuse(done.left)


def _refuse(places: Sequence[object]) -> None:
    for place in places:
        click.echo(f"cannot be read: {place}", err=True)
    if places:
        click.echo(
            "Put the lost key back into ENCRYPTION_KEYS, or renew them.", err=True
        )
        raise SystemExit(1)
