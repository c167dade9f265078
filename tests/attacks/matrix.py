"""The fault matrix: each call at Stripe, each way to go wrong, a cell each.

    make faults
    python -m tests.attacks.matrix [--stories pay,look] [--faults 429,reset] [-v]

Each cell plays a story on a world of its own: the fault strikes, lasts, is over; then
time passes until everything is at rest, and rows are held against the sandbox's
ledger: nothing charged twice, no attempt counted that was not made, none made that is
not recorded, the recovery ended right. Exits with 1 if any cell is wrong.
"""

import argparse
import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path

import stripe

from app.config import Config
from tests.attacks.line import FAULTS, Fault
from tests.attacks.stories import STORIES, Story, wrong_with
from tests.conftest import FERNET_KEY
from tests.databases import make_tables

Cell = tuple[Story, Fault]


def cells(stories: str = "", faults: str = "") -> list[Cell]:
    """All cells, or those whose story and fault have one of these words in them."""
    return [
        (story, fault)
        for story in STORIES
        for fault in FAULTS
        if _fits(story.name, stories) and _fits(fault.name, faults)
    ]


def _fits(name: str, words: str) -> bool:
    return not words or any(word in name for word in words.split(","))


def play(cell: Cell, template: Path) -> list[str]:
    """What is wrong with the cell."""
    # The SDK's pauses between repeats are only time here.
    stripe.HTTPClient.INITIAL_DELAY = stripe.HTTPClient.MAX_DELAY = 0
    folder = Path(tempfile.mkdtemp(prefix="metricsco-cell-"))
    shutil.copyfile(template, folder / "cell.db")
    config = Config(f"sqlite:///{folder}/cell.db", "not-a-secret", (FERNET_KEY,))
    try:
        return wrong_with(*cell, config, folder)
    except Exception as reason:
        logging.getLogger(__name__).debug("the cell failed", exc_info=True)
        return [f"{type(reason).__name__}: {reason}"]
    finally:
        shutil.rmtree(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", default="")
    parser.add_argument("--faults", default="")
    parser.add_argument("-v", "--verbose", action="store_true")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.DEBUG if asked.verbose else logging.CRITICAL)
    chosen = cells(asked.stories, asked.faults)
    names = list(dict.fromkeys(fault.name for _, fault in chosen))
    for number, name in enumerate(names, start=1):
        sys.stdout.write(f"{number:>3} {name}\n")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.db"
        make_tables(f"sqlite:///{template}")
        wrong = _played(chosen, names, template)
    for (story, fault), faults in wrong:
        sys.stdout.write(f"WRONG {story.name} / {fault.name}: {'; '.join(faults)}\n")
    sys.stdout.write(
        f"{len(chosen)} cells in {time.monotonic() - began:.0f} s, {len(wrong)} wrong\n"
    )
    return 1 if wrong else 0


def _played(
    chosen: list[Cell], names: list[str], template: Path
) -> list[tuple[Cell, list[str]]]:
    """Play every cell, a line of the matrix for each story."""
    head = " ".join(f"{number:>2}" for number in range(1, len(names) + 1))
    sys.stdout.write(f"{'':34}{head}\n")
    wrong, line = [], ""
    for cell in chosen:
        story, _ = cell
        if story.name != line:
            sys.stdout.write(f"{chr(10) if line else ''}{story.name:34}")
            line = story.name
        found = play(cell, template)
        if found:
            wrong.append((cell, found))
        sys.stdout.write(" X " if found else " . ")
        sys.stdout.flush()
    sys.stdout.write("\n")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
