"""`flask --app app backtest`: measure strategies against an issuer world."""

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path

import click
from flask.cli import ScriptInfo

from app.domain.steps import Strategy
from app.domain.strategies import ALL, UnknownStrategy


@click.command("backtest")
@click.option("--world", required=True, metavar="FILE.py:FACTORY")
@click.option("--cases", required=True, type=click.IntRange(min=1))
@click.option("--strategy", "names", required=True, multiple=True, metavar="NAME")
@click.option("--seed", default=1, show_default=True, help="of the strategies' dice")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def backtest(
    world: str, cases: int, names: tuple[str, ...], seed: int, *, as_json: bool
) -> None:
    """Run strategies against a simulated world, each against the same luck."""
    # Imported here: every process knows the command, and few need numpy for it.
    from app.backtest.contestants import Unlearning, contestant
    from app.backtest.figures import as_dict
    from app.backtest.runner import run
    from app.backtest.worlds import WorldFault, factory_at

    try:
        contestants = {
            name: Unlearning(own) if (own := _own(name)) else contestant(name)
            for name in names
        }
        with redirect_stdout(sys.stderr):  # what a world prints is not the answer
            make_world = factory_at(world)
            found = {
                name: as_dict(run(make_world, one, cases=cases, seed=seed))
                for name, one in contestants.items()
            }
    except (UnknownStrategy, WorldFault) as fault:
        raise click.ClickException(str(fault)) from None
    click.echo(_json(cases, found) if as_json else _table(found))


def _own(name: str) -> Strategy | None:
    """The newest version of the merchant's own strategy of that name, where there is a
    database to ask; built-in ones need none."""
    info = click.get_current_context().find_object(ScriptInfo)
    if name in ALL or info is None:
        return None
    from sqlalchemy.exc import SQLAlchemyError

    from app.extensions import db
    from app.services.strategies import Lost, own_strategy
    from app.storage import strategy_reads
    from app.storage.transaction import reading

    with info.load_app().app_context():
        url = db.engine.url
        if url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file():
            return None
        try:
            with reading() as session:
                row = strategy_reads.own(session, name)
                strategy = own_strategy(row) if row else None
        except SQLAlchemyError:
            return None
    if isinstance(strategy, Lost):
        raise click.ClickException(f"{name} cannot be run: {strategy.why}.")
    return strategy


def _json(cases: int, found: dict[str, dict[str, object]]) -> str:
    return json.dumps({"cases": cases, "strategies": found})


def _table(found: dict[str, dict[str, object]]) -> str:
    blocks = []
    for name, figures in found.items():
        lines = [
            f"  {key.replace('_', ' ')}: {value}" for key, value in figures.items()
        ]
        blocks.append("\n".join([name, *lines]))
    return "\n\n".join(blocks)
