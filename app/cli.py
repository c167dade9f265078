"""`flask --app app ...`: what operators do from a shell."""

import sys

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext

from app import current
from app.audit_cli import audit
from app.backtest_cli import backtest
from app.backup_cli import backup, restore
from app.db_copy_cli import db_copy
from app.decisions_cli import decisions
from app.doctor_cli import doctor
from app.domain.people import Role
from app.keys_cli import keys
from app.services import links, people, second_factor

users = AppGroup("users", help="The people who sign in.")


def register(app: Flask) -> None:
    """Make the commands known to `flask`."""
    app.cli.add_command(users)
    app.cli.add_command(audit)
    app.cli.add_command(decisions)
    app.cli.add_command(keys)
    app.cli.add_command(backtest)
    app.cli.add_command(tick)
    app.cli.add_command(doctor)
    app.cli.add_command(prune)
    app.cli.add_command(db_copy)
    app.cli.add_command(backup)
    app.cli.add_command(restore)


@users.command("add")
@click.argument("email")
@click.option("--role", required=True, help="owner, staff or viewer")
def add_user(email: str, role: str) -> None:
    """Add a person; the password is read from standard input, or asked for."""
    try:
        people.add(email, _password(), role=_role(role), now=current.wall())
    except people.PersonRefused as refusal:
        raise click.ClickException(str(refusal)) from None
    click.echo(f"{people.tidy_email(email)} can sign in as {role}.")


@users.command("reset-second-factor")
@click.argument("email")
def reset_second_factor(email: str) -> None:
    """Let a person who lost app and recovery codes sign in by password alone."""
    user = people.with_email(email)
    if user is None:
        raise click.ClickException(f"{people.tidy_email(email)} is not on the team.")
    if not second_factor.turn_off(user.id, by_id=None, now=current.wall()):
        raise click.ClickException(f"{user.email} has no second factor.")
    click.echo(f"{user.email} signs in by password alone again.")


@users.command("link")
def print_first_owner_link() -> None:
    """Print a one-time link for the first owner, while there is no user."""
    address = first_owner_address()
    if address is None:
        raise click.ClickException("Somebody can sign in already: see `users add`.")
    click.echo(address)


def first_owner_address() -> str | None:
    """Where the first owner is made, or None once somebody can sign in."""
    token = links.first_owner_token(now=current.wall())
    return f"{current.config().public_url}/setup/{token}" if token else None


@click.command("tick")
@with_appcontext
def tick() -> None:
    """Do once everything that is due now: for cron, or to see what happens."""
    # Imported here: the jobs know every service, and other commands need none of it.
    from app import jobs
    from app.services import retries

    failed = [name for name in jobs.BY_NAME if not jobs.run(name)]
    retries.finish(now=current.now())
    if failed:
        raise click.ClickException(f"Failed, see the log: {', '.join(failed)}.")


@click.command("prune")
@with_appcontext
def prune() -> None:
    """Take away the payloads of old events, and very old events, to the end."""
    from app.services import pruning

    gone = pruning.prune(now=current.now(), run_for=float("inf"))
    click.echo(f"{gone.payloads} payloads and {gone.rows} events were taken away.")


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        known = ", ".join(Role)
        raise click.ClickException(f"{text} is no role; choose {known}.") from None


def _password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
