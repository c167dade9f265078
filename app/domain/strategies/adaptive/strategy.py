"""Adaptive: plans the tries that the belief calls for, when evidence allows it.

The even spread stands behind it: it is the plan to beat, case by case, and what is
done when the model cannot be asked.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from app.domain.cases import Case
from app.domain.steps import RetryAt, Step, Strategy
from app.domain.strategies.adaptive.choosing import Choice
from app.domain.strategies.adaptive.gates import gate
from app.domain.strategies.adaptive.model import Model
from app.domain.strategies.even_spread import EvenSpread

log = logging.getLogger(__name__)

FALLBACK = "the model could not be asked: the even spread was used"


class Adaptive:
    """A strategy with a model; the model is a value and never changes in here.

    Deterministic from the model, the case and the case's seed: any past decision can
    be computed again.
    """

    name = "adaptive"
    version = "7"

    def __init__(
        self, model: Model | None = None, *, even: Strategy | None = None
    ) -> None:
        self.model = model or Model.fresh()
        self.even = even or EvenSpread()
        self.gate = gate(self.model)

    def next_step(self, case: Case, *, now: datetime) -> Step:
        """The next step; the even spread's whenever the model fails."""
        even = self.even.next_step(case, now=now)
        if not isinstance(even, RetryAt) or now > case.deadline_at - timedelta(days=1):
            return even
        try:
            return Choice(self.model, self.gate, case, even, now).step()
        except Exception:  # never no retry because the model failed
            log.exception("planned %s without the model", case.invoice_id)
            return replace(even, rules=(*even.rules, FALLBACK))
