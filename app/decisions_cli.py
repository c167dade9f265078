"""`flask --app app decisions ...`: past decisions, listed and computed again."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from flask.cli import AppGroup

if TYPE_CHECKING:
    from app.services.decisions import Again
    from app.storage.decision_models import Decision

decisions = AppGroup("decisions", help="What strategies decided, and why.")
NUMBER = click.IntRange(min=1)


@decisions.command("list")
@click.argument("recovery", type=NUMBER, required=False)
def show(recovery: int | None) -> None:
    """List the newest decisions, of one RECOVERY or of all, the newest first."""
    # Imported here: other commands need none of it.
    from app.services.decisions import NEWEST
    from app.storage import decision_reads
    from app.storage.transaction import reading

    with reading() as session:
        found = decision_reads.newest(session, recovery_id=recovery, limit=NEWEST)
        for each in found:
            click.echo(_headline(each))
    if not found:
        click.echo("No decision is kept.")


@decisions.command("recompute")
@click.argument("ids", metavar="ID...", type=NUMBER, nargs=-1, required=True)
def recompute(ids: tuple[int, ...]) -> None:
    """Compute decisions again and say what differs; exit 1 where any does.

    ID is a decision's number, as `list` and its recovery's page show it.
    """
    from app.services.decisions import again
    from app.storage import decision_reads
    from app.storage.transaction import reading

    is_same = True
    with reading() as session:
        for decision_id in ids:
            decision = decision_reads.decision(session, decision_id)
            if decision is None:
                raise click.ClickException(f"There is no decision {decision_id}.")
            found = again(session, decision)
            _tell(found)
            is_same = is_same and found.is_same
    if not is_same:
        raise SystemExit(1)


def _headline(decision: "Decision") -> str:
    retry = f", retry {decision.number}" if decision.number else ""
    return (
        f"{decision.id}  {_text(decision.decided_at)}  recovery {decision.recovery_id}"
        f"{retry}, by {decision.strategy} {decision.strategy_version}: {decision.step}"
        f"{f' at {_text(decision.at)}' if decision.at else ''}"
    )


def _tell(found: "Again") -> None:
    from app.services.decisions import PARTS

    click.echo(_headline(found.decision))
    for name, word in PARTS.items():
        then = getattr(found.stored, name)
        now = getattr(found.found, name) if found.found else None
        if found.found is not None and now != then:
            click.echo(f"  {word}\n    stored          {_text(then)}")
            click.echo(f"    computed again  {_text(now)}")
        elif then not in (None, [], {}):
            click.echo(f"  {word}: {_text(then)}")
    click.echo(f"  {found.verdict}")


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, dict):
        return "; ".join(f"{name} {_text(each)}" for name, each in value.items())
    if isinstance(value, list):
        return " | ".join(_text(each) for each in value) or "none"
    return str(value)
