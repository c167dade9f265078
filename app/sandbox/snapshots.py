"""A world kept in a file, so that a demo can go on where it was."""

import os
import pickle
from dataclasses import fields
from pathlib import Path

from app.sandbox.world import World

BESIDE = ("ids", "random")  # state that is no field of the dataclass


def save(world: World, path: Path) -> None:
    """Replace the file by the world as it is now."""
    with world.one_pump, world.lock:
        state = {name: getattr(world, name) for name in _names()}
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_bytes(pickle.dumps(state))
    os.replace(fresh, path)


def load(world: World, path: Path) -> None:
    """Make the world what it was when the file was saved; its clock file stays."""
    # The file is one of our own, beside the demo's database; never a stranger's.
    state = pickle.loads(path.read_bytes())  # noqa: S301
    become(world, {name: state[name] for name in _names()})


def replace(world: World, other: World) -> None:
    """Make the world equal to another one."""
    become(world, {name: getattr(other, name) for name in _names()})


def become(world: World, state: dict[str, object]) -> None:
    with world.one_pump, world.lock:
        for name, value in state.items():
            if name not in ("clock_file", "base_url"):
                setattr(world, name, value)
        world.wake.set()


def _names() -> list[str]:
    return [*(field.name for field in fields(World)), *BESIDE]
