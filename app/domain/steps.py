"""What a Decline Recycling Strategy answers: the next step, with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.domain.cases import Case


@dataclass(frozen=True, slots=True)
class Alternative:
    """A time that was considered and not chosen, and why not."""

    at: datetime
    reason: str
    probability: float | None = None  # believed chance of approval then


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Charge again at `at`.

    `probability` is the believed chance of approval, `propensity` the probability with
    which the strategy picked this time (1.0 when it rolls no dice); `rules` names, in
    words, each rule that moved the time or limited it; `evidence` holds numbers for
    the decision card, plain JSON values.
    """

    at: datetime
    reason: str
    probability: float | None = None
    propensity: float = 1.0
    alternatives: tuple[Alternative, ...] = ()
    rules: tuple[str, ...] = ()
    evidence: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AskCustomer:
    """No charge can work until the customer acts (new card, 3D Secure)."""

    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No more retries: the recovery is terminated."""

    reason: str


@dataclass(frozen=True, slots=True)
class Observe:
    """Plan nothing, keep watching: the recovery is paused."""

    reason: str


Step = RetryAt | AskCustomer | GiveUp | Observe


class NoPlan(Exception):
    """Raised by a strategy that cannot decide; the text says why, within a sentence."""


class Strategy(Protocol):
    """Named, versioned rules that decide the next step of a recovery."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def next_step(self, case: Case, *, now: datetime) -> Step:
        """The next step after the case's last decline.

        Called only when the network rules allow a further try at all; what it
        answers is checked against them again by `app.domain.decision.decide`.
        """
        ...
