"""Who takes part in a back-test: a strategy inside the rules, and what it learns."""

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from app.backtest.runner import Contestant
from app.domain.cases import Case
from app.domain.decision import decide
from app.domain.limits import first_allowed
from app.domain.steps import RetryAt, Step, Strategy
from app.domain.strategies import ALL, strategy_named
from app.domain.strategies.adaptive import Adaptive, Episode, Memo, Model, learn

log = logging.getLogger(__name__)

# The product learns as often: answers of a night or two change no share by much.
LEARN_EVERY = timedelta(days=2)


def contestant(name: str) -> Contestant:
    """The registered strategy of that name; UnknownStrategy when there is none."""
    strategy = strategy_named(name)
    return Learning() if ALL[name] is Adaptive else Unlearning(strategy)


@dataclass
class Unlearning:
    """A strategy that is the same on the last day as on the first."""

    strategy: Strategy

    def next_step(self, case: Case, *, now: datetime) -> Step:
        """The strategy's step inside the rules of the product."""
        return decide(self.strategy, case, now=now)

    def when_due(self, case: Case, step: RetryAt, *, now: datetime) -> Step:
        """The same step while the rules still allow it."""
        return step if _fits(case, now) else self.next_step(case, now=now)

    def heard(self, case: Case, step: RetryAt, *, paid: bool, now: datetime) -> None:
        """Nothing is kept."""

    def ended(self, case: Case, *, now: datetime) -> None:
        """Nothing is kept."""


@dataclass
class Learning:
    """Adaptive with a model that is renewed every other day from what was answered."""

    model: Model = field(default_factory=Model.fresh)
    episodes: dict[str, Episode] = field(default_factory=dict)
    learned_at: datetime | None = None
    memo: Memo = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.strategy = Adaptive(self.model)

    def next_step(self, case: Case, *, now: datetime) -> Step:
        """Adaptive's step inside the rules, after learning where that is due."""
        if self.learned_at is None:
            self.learned_at = now
        if now - self.learned_at >= LEARN_EVERY:
            self.learn(now=now)
        return decide(self.strategy, case, now=now)

    def learn(self, *, now: datetime) -> None:
        """Renew the model from all that has been answered."""
        episodes = tuple(self.episodes.values())
        try:
            self.model = learn(self.model, episodes, memo=self.memo)
        except (ArithmeticError, LookupError, ValueError):
            log.exception("kept the model of %s", self.learned_at)
        self.strategy = Adaptive(self.model)
        self.learned_at = now

    def when_due(self, case: Case, step: RetryAt, *, now: datetime) -> Step:
        """The same step while the rules still allow it."""
        return step if _fits(case, now) else self.next_step(case, now=now)

    def heard(self, case: Case, step: RetryAt, *, paid: bool, now: datetime) -> None:
        """The answer joins the case's episode."""
        before = self.episodes.get(case.invoice_id, Episode(case))
        departed, believed = before.departed, before.believed
        if step.evidence.get("plan") in {"model", "exploration"}:
            departed = (*departed, now)
        if step.probability is not None:
            believed = (*believed, (now, step.probability))
        self.episodes[case.invoice_id] = Episode(
            case, now if paid else None, departed, believed, closed=paid
        )

    def ended(self, case: Case, *, now: datetime) -> None:
        """The episode is closed without payment."""
        before = self.episodes.get(case.invoice_id, Episode(case))
        self.episodes[case.invoice_id] = replace(before, case=case, closed=True)


def _fits(case: Case, now: datetime) -> bool:
    """Whether a charge now is inside the rules, the card's newest charges counted."""
    return first_allowed(case, now, now=now).at <= now
