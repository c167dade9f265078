"""`flask --app app backtest`: measure strategies against an issuer world."""

import json
import sys
from contextlib import redirect_stdout

import click

from app.domain.strategies import UnknownStrategy


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
    from app.backtest.contestants import contestant
    from app.backtest.figures import as_dict
    from app.backtest.runner import run
    from app.backtest.worlds import WorldFault, factory_at

    try:
        contestants = {name: contestant(name) for name in names}
        with redirect_stdout(sys.stderr):  # what a world prints is not the answer
            make_world = factory_at(world)
            found = {
                name: as_dict(run(make_world, one, cases=cases, seed=seed))
                for name, one in contestants.items()
            }
    except (UnknownStrategy, WorldFault) as fault:
        raise click.ClickException(str(fault)) from None
    click.echo(_json(cases, found) if as_json else _table(found))


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
