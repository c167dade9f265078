"""All that a decision rests on, but for the strategy and the time."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.cases import Case
from app.domain.decision import decide
from app.domain.steps import Step, Strategy
from app.domain.stripe_refusals import StripeRefusals, after_refusals


@dataclass(frozen=True, slots=True)
class Facts:
    """The case as it stands, and how Stripe took the last wishes to charge it."""

    case: Case
    refusals: StripeRefusals | None = None


def step_from(facts: Facts, strategy: Strategy, *, now: datetime) -> Step:
    """The next step by this strategy, inside every rule: from nothing but values, so
    that a decision whose facts were kept can be computed again."""
    step = decide(strategy, facts.case, now=now)
    return after_refusals(step, facts.case, facts.refusals)
