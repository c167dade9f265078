"""What a strategy would do with a case, were every one of its retries refused."""

from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.cases import Case
from app.domain.decision import decide
from app.domain.declines import Decline, MadeBy
from app.domain.steps import RetryAt, Step, Strategy


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The retries in order, and the step that ends them."""

    case: Case
    retries: tuple[RetryAt, ...]
    ending: Step


def rehearse(strategy: Strategy, case: Case, *, now: datetime) -> Rehearsal:
    """Decide, let the retry be refused with the same codes, and decide again.

    The plan made for the worst: a retry that is approved ends it sooner. The ceilings
    on retries end it in any case.
    """
    start = case
    retries: list[RetryAt] = []
    while True:
        step = decide(strategy, case, now=now)
        if not isinstance(step, RetryAt):
            return Rehearsal(start, tuple(retries), step)
        retries.append(step)
        now = step.at
        case = _refused_again(case, now)


def _refused_again(case: Case, at: datetime) -> Case:
    decline = Decline(at, case.last_decline.codes, MadeBy.METRICSCO)
    return replace(
        case,
        declines=(*case.declines, decline),
        charges=case.charges + 1,
        retries=case.retries + 1,
    )
