"""`flask --app app audit ...`: the trail, verified and exported."""

import csv
import re
import sys

import click
from flask.cli import AppGroup

audit = AppGroup("audit", help="The audit trail.")


@audit.command("verify")
@click.option("--anchor", help="POSITION:SEAL as an earlier run printed it")
def verify(anchor: str | None) -> None:
    """Check every seal; exit 1 and name the first entry that is not whole."""
    # Imported here: other commands need none of it.
    from app.services import sealing

    found = sealing.verdict(_anchor(anchor))
    if found.fault:
        click.echo(f"BROKEN  {found.fault}.", err=True)
        click.echo(f"The {found.length} entries before it are whole.", err=True)
        raise SystemExit(1)
    click.echo(f"ok      {found.length} entries, each sealed upon the one before.")
    click.echo(f"anchor  {found.length}:{found.head}")
    count, oldest = sealing.open_tail()
    if count and oldest:
        click.echo(f"open    {count} entries wait for their seal, since {oldest}.")


@audit.command("export")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="jsonl")
def export(form: str) -> None:
    """Write the whole trail to standard output, the newest entry first."""
    from app.storage.listings.audit import AUDIT, AuditFilter
    from app.storage.transaction import reading
    from app.web.audit import COLUMNS, lines, told

    chunks = AUDIT.chunks(reading, AuditFilter())
    if form == "jsonl":
        for text in lines(chunks):
            sys.stdout.write(text)
        return
    out = csv.writer(sys.stdout)
    out.writerow(COLUMNS)
    for rows in chunks:
        out.writerows(told(row).values() for row in rows)


def _anchor(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    position, _, seal = text.partition(":")
    if not (position.isdecimal() and re.fullmatch(r"[0-9a-f]{64}", seal)):
        raise click.ClickException("An anchor is POSITION:SEAL, as `verify` prints it.")
    return int(position), seal
