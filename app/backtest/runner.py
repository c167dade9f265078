"""Runs one strategy through one world, forward in time across all its cases.

Each event is a first decline or a retry that has come due. The strategy sees the case
as it stands, through the same `decide` as in the product, and what has been answered
by then; never more.
"""

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from app.backtest.breaches import Breaches
from app.backtest.reading import first_case
from app.backtest.worlds import World, answer, asked, dealt
from app.domain.cases import CardAttempt, Case
from app.domain.declines import Decline, MadeBy
from app.domain.steps import RetryAt, Step


class Contestant(Protocol):
    """A strategy under test, with whatever it learns on the way."""

    def next_step(self, case: Case, *, now: datetime) -> Step:
        """The next step after the case's last decline."""
        ...

    def when_due(self, case: Case, step: RetryAt, *, now: datetime) -> Step:
        """The step again, or another where the card was charged meanwhile."""
        ...

    def heard(self, case: Case, step: RetryAt, *, paid: bool, now: datetime) -> None:
        """The retry that `step` planned was answered at `now`."""
        ...

    def ended(self, case: Case, *, now: datetime) -> None:
        """Nothing more will be tried for the case, which was not paid."""
        ...


@dataclass
class Run:
    """What became of one case."""

    case: Case
    retries: int = 0
    paid_at: datetime | None = None
    stopped: str | None = None


@dataclass
class Record:
    """What became of all of them, and what it took."""

    runs: dict[str, Run] = field(default_factory=dict)
    breaches: Breaches = field(default_factory=Breaches)
    decision_seconds: list[float] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(order=True)
class Due:
    """A first decline (`step` is None) or a planned retry, in order of time."""

    at: datetime
    number: int
    case_id: str = field(compare=False)
    step: RetryAt | None = field(compare=False, default=None)


def run(
    make_world: Callable[[], World], contestant: Contestant, *, cases: int, seed: int
) -> Record:
    """Every case to its end. Raises WorldFault when the world does."""
    begun = time.perf_counter()
    world = make_world()
    told = dealt(world, cases)
    race = _Race(world, contestant, told, seed)
    race.run()
    race.record.seconds = time.perf_counter() - begun
    return race.record


class _Race:
    def __init__(
        self,
        world: World,
        contestant: Contestant,
        told: list[dict[str, Any]],
        seed: int,
    ) -> None:
        self.world = world
        self.contestant = contestant
        self.record = Record()
        self.queue: list[Due] = []
        self.number = 0
        self.on_card: dict[str, list[CardAttempt]] = {}
        self.ids = {str(facts["case_id"]): facts["case_id"] for facts in told}
        for facts in told:
            name = str(facts["case_id"])
            with asked(f"case {name}: what it is raised"):
                case = first_case(facts, seed=seed)
            self.record.runs[name] = Run(case)
            self._plan(case.declined_at, name, None)

    def run(self) -> None:
        while self.queue:
            due = heapq.heappop(self.queue)
            if due.step is None:
                self._meet(due)
            else:
                self._try(due, due.step)

    def _plan(self, at: datetime, name: str, step: RetryAt | None) -> None:
        self.number += 1
        heapq.heappush(self.queue, Due(at, self.number, name, step))

    def _meet(self, due: Due) -> None:
        case = self.record.runs[due.case_id].case
        card = str(case.card.fingerprint)
        self.record.breaches.note_first(card, due.at)
        self.on_card.setdefault(card, []).extend(case.card_attempts)
        self._ask(due.case_id, now=due.at)

    def _ask(self, name: str, *, now: datetime) -> None:
        run = self._look(name)
        begun = time.perf_counter()
        step = self.contestant.next_step(run.case, now=now)
        self.record.decision_seconds.append(time.perf_counter() - begun)
        self._follow(name, step, now=now)

    def _look(self, name: str) -> Run:
        """The case with all that its card has been through by now."""
        run = self.record.runs[name]
        on_card = self.on_card[str(run.case.card.fingerprint)]
        if len(on_card) != len(run.case.card_attempts):
            run.case = replace(run.case, card_attempts=tuple(on_card))
        return run

    def _follow(self, name: str, step: Step, *, now: datetime) -> None:
        run = self.record.runs[name]
        match step:
            case RetryAt():
                self._plan(max(step.at, now), name, step)
            case _:
                run.stopped = step.reason
                self.contestant.ended(run.case, now=now)

    def _try(self, due: Due, step: RetryAt) -> None:
        name = due.case_id
        run = self._look(name)
        again = self.contestant.when_due(run.case, step, now=due.at)
        if not isinstance(again, RetryAt) or again.at > due.at:
            self._follow(name, again, now=due.at)
            return
        case, card = run.case, str(run.case.card.fingerprint)
        self.record.breaches.note_retry(
            card,
            due.at,
            brand=case.card.brand,
            refusals=[(one.occurred_at, one.codes) for one in case.declines],
            deadline_at=case.deadline_at,
        )
        codes = answer(self.world, self.ids[name], due.at)
        if codes is None:
            self.record.breaches.note_approved(card)
        run.retries += 1
        attempt = CardAttempt(
            due.at, case.amount.amount, case.amount.currency, codes is not None
        )
        self.on_card[card].append(attempt)
        run.case = replace(case, charges=case.charges + 1, retries=run.retries)
        if codes is not None:
            refusal = Decline(due.at, codes, MadeBy.METRICSCO)
            run.case = replace(run.case, declines=(*case.declines, refusal))
        elif due.at <= case.deadline_at:
            run.paid_at = due.at
        self.contestant.heard(run.case, step, paid=codes is None, now=due.at)
        if codes is not None:
            self._ask(name, now=due.at)
