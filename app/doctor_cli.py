"""`flask --app app doctor`: exit 1 and a plain sentence for each fault."""

import click
from flask.cli import with_appcontext

from app import current


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Check configuration, database, Stripe access, webhooks and Stripe's settings."""
    # Imported here: other commands need none of it.
    from app.services.doctor import examine

    faults = 0
    for finding in examine(now=current.now()):
        faults += finding.is_fault
        sign = "FAULT" if finding.is_fault else "ok   "
        click.echo(f"{sign}  {finding.sentence}", err=finding.is_fault)
    if faults:
        raise SystemExit(1)
