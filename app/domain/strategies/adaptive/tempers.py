"""How issuers take repeated tries: a second hidden cause beside the account's own.

A retry made too soon may be refused whatever the account holds. That cannot be seen in
one day's likelihood, so each temper is a hypothesis of its own about all tries so far.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.strategies.adaptive.paydays import Floats


@dataclass(frozen=True, slots=True)
class Temper:
    """Refuses a try within `rest` days of the previous, the `weekly`-th or later in
    seven days (the one at hand included), and all after `patience` tries."""

    words: str
    rest: float = 0.0
    weekly: int = 99
    patience: int = 99


TEMPERS = (
    Temper("takes retries as they come"),
    Temper("wants two days between tries", rest=2.0),
    Temper("wants four days between tries", rest=4.0),
    Temper("wants six days between tries", rest=6.0),
    Temper("allows two tries a week", weekly=3),
    Temper("allows three tries a week", weekly=4),
    Temper("loses patience after five tries", patience=5),
)
RESTS = np.array([temper.rest for temper in TEMPERS])[:, None]
WEEKLY = np.array([temper.weekly for temper in TEMPERS])[:, None]
PATIENCE = np.array([temper.patience for temper in TEMPERS])[:, None]


def heard(tries: Floats, planned: Floats) -> NDArray[np.bool_]:
    """By plan, temper and planned try (in order): is it looked at at all?

    `tries` have been made before; every try is taken to have failed, since planning
    goes on only while they do. `planned` has a row for each plan.
    """
    made, count = len(tries), planned.shape[1]
    before = np.broadcast_to(tries, (len(planned), made))
    at = np.concatenate([before, planned], axis=1)
    order = np.arange(made, made + count)
    gaps = np.diff(at, axis=1, prepend=-np.inf)[:, made:]
    ago = planned[:, :, None] - at[:, None, :]
    earlier = np.arange(made + count) < order[:, None]
    recent = ((ago < 7.0) & earlier).sum(axis=2)
    result: NDArray[np.bool_] = (
        (gaps[:, None, :] >= RESTS - 0.02)
        & (recent[:, None, :] < WEEKLY - 1)
        & (order < PATIENCE)
    )
    return result
