"""Why something that a person asked for was not done."""

from dataclasses import dataclass
from datetime import datetime


class ActionRefused(Exception):
    """Nothing was changed; the text says why, for the person who asked."""


@dataclass(frozen=True, slots=True)
class Done:
    """What somebody did to a recovery, as the audit trail has it."""

    who: str
    action: str
    at: datetime
    detail: str


class Overtaken(ActionRefused):
    """The recovery is not as it was shown: others acted, or it moved on by itself.

    `done` is what people did meanwhile, oldest first; empty: the engine did it.
    """

    def __init__(self, sentence: str, done: tuple[Done, ...] = ()) -> None:
        super().__init__(sentence)
        self.done = done
