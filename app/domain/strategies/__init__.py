"""The Decline Recycling Strategies, by the names people and settings call them."""

from collections.abc import Callable

from app.domain.steps import Strategy
from app.domain.strategies.even_spread import EvenSpread
from app.domain.strategies.fixed_ladder import FixedLadder
from app.domain.strategies.hands_off import HandsOff

DEFAULT = EvenSpread.name
ADAPTIVE = "adaptive"


def _adaptive() -> Strategy:
    # Imported when somebody chooses it: numpy takes 16 MB of a process meant for 120.
    from app.domain.strategies.adaptive import Adaptive

    return Adaptive()


# A factory a name: a strategy that learns may want a fresh start for each use.
ALL: dict[str, Callable[[], Strategy]] = {
    EvenSpread.name: EvenSpread,
    ADAPTIVE: _adaptive,
    FixedLadder.name: FixedLadder,
    HandsOff.name: HandsOff,
}


class UnknownStrategy(LookupError):
    """Nobody has registered a strategy of that name."""


def strategy_named(name: str) -> Strategy:
    """The strategy registered as `name`; UnknownStrategy lists what there is."""
    if name not in ALL:
        raise UnknownStrategy(
            f"there is no strategy named {name!r}: choose one of {', '.join(ALL)}"
        )
    return ALL[name]()
