"""All that a decision rests on, but for the strategy and the time."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.cases import Case
from app.domain.decision import decide
from app.domain.local_time import zone_of
from app.domain.network_rules import explain_decline
from app.domain.steps import RetryAt, Step, Strategy
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
    step = after_refusals(step, facts.case, facts.refusals)
    return _with_unknown(step, facts.case)


def unknown_of(case: Case) -> tuple[str, ...]:
    """What a strategy would have liked to know of the case, in words."""
    missing = []
    if not zone_of(case).is_known:
        missing.append("time zone")
    if case.card.kind in (None, "card"):
        if not (case.customer.country or case.card.country):
            missing.append("country")
        if not case.card.funding:
            missing.append("kind of card (credit, debit, prepaid)")
    if not explain_decline(case.last_decline, case).known:
        missing.append("what this decline code stands for")
    return tuple(missing)


def _with_unknown(step: Step, case: Case) -> Step:
    """For the decision card, where the strategy has not said more itself."""
    if not isinstance(step, RetryAt) or "unknown" in step.evidence:
        return step
    missing = unknown_of(case)
    if not missing:
        return step
    return replace(step, evidence={**step.evidence, "unknown": list(missing)})
