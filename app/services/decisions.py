"""Decisions: kept as they are made, and computed again from what was kept."""

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

import app.domain
from app.domain.case_json import BadFacts, from_json, to_json
from app.domain.facts import Facts, step_from
from app.domain.steps import AskCustomer, GiveUp, Observe, RetryAt, Step, Strategy
from app.services.strategies import strategy_as_it_was
from app.storage import decision_reads
from app.storage.decision_models import Decision
from app.storage.models import Recovery, RetryAttempt

_WORDS: dict[type[Step], str] = {
    RetryAt: "retry",
    AskCustomer: "ask the customer",
    GiveUp: "give up",
    Observe: "only watch",
}
_INSERT = insert(Decision)
NEWEST = 50
UNEXPLAINED = "Nothing explains it: what is stored must have been changed."


@cache
def program() -> str:
    """A digest of the code that decides: another one, another program."""
    root = Path(app.domain.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0")
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def keep_decision(
    session: Session,
    recovery: Recovery,
    facts: Facts,
    step: Step,
    strategy: Strategy,
    *,
    attempt: RetryAttempt | None,
    now: datetime,
) -> None:
    """Write down what was decided and all that it rests on; `attempt` is what it
    planned."""
    # Past the session, which takes twice as long: each refusal of a retry waits for it.
    session.connection().execute(
        _INSERT,
        {
            "recovery_id": recovery.id,
            "number": attempt.number if attempt else None,
            "decided_at": now,
            "strategy": recovery.strategy,
            "strategy_version": strategy.version,
            "program": program(),
            "step": _WORDS[type(step)],
            "at": step.at if isinstance(step, RetryAt) else None,
            "reason": step.reason,
            "facts": to_json(facts),
        },
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """A strategy's answer as it is stored: plain values."""

    step: str
    at: datetime | None
    reason: str
    probability: float | None = None
    propensity: float | None = None
    rules: Any = None
    alternatives: Any = None
    evidence: Any = None


# What each part is called where two answers differ.
PARTS = {
    "step": "step",
    "at": "time",
    "reason": "reason",
    "probability": "believed chance",
    "propensity": "chance to be picked",
    "rules": "rules that moved or limited it",
    "alternatives": "times considered beside it",
    "evidence": "numbers on the decision card",
}


@dataclass(frozen=True, slots=True)
class Again:
    """A decision beside its recomputation. `remarks` say what has changed since, or
    why it cannot be computed (`found` is None then)."""

    decision: Decision
    stored: Answer
    found: Answer | None
    remarks: tuple[str, ...] = ()

    @property
    def differences(self) -> tuple[str, ...]:
        """The parts that differ, by name."""
        if self.found is None:
            return ()
        return tuple(
            word
            for name, word in PARTS.items()
            if getattr(self.stored, name) != getattr(self.found, name)
        )

    @property
    def is_same(self) -> bool:
        """Whether it was computed, and came out as it is stored."""
        return self.found is not None and not self.differences

    @property
    def verdict(self) -> str:
        """What came of it, in sentences."""
        if self.found is None:
            said = "It cannot be computed again."
        elif self.differences:
            said = f"Computed again, not the same: {', '.join(self.differences)}."
        else:
            return "Computed again: the same."
        return " ".join((said, *(self.remarks or (UNEXPLAINED,))))


def again(session: Session, decision: Decision) -> Again:
    """The decision, computed again from what was kept of its time: its facts, the
    strategy in its version, and the model as it was learned then."""
    attempt = decision_reads.attempt_of(session, decision)
    stored = _stored(decision, attempt)
    try:
        facts = from_json(decision.facts)
    except BadFacts:
        remark = "What it rested on is stored damaged and cannot be read."
        return Again(decision, stored, None, (remark,))
    strategy, remarks = strategy_as_it_was(
        session,
        decision.strategy,
        decision.strategy_version,
        account_id=decision.recovery.account_id,
    )
    if strategy is None:
        return Again(decision, stored, None, remarks)
    found = answer_of(step_from(facts, strategy, now=decision.decided_at))
    if decision.program != program():
        remarks = (*remarks, "The program's rules have changed since.")
    return Again(decision, stored, found, remarks)


def answer_of(step: Step) -> Answer:
    """The step in plain values."""
    word = _WORDS[type(step)]
    if not isinstance(step, RetryAt):
        return Answer(word, None, step.reason)
    return Answer(
        word,
        step.at,
        step.reason,
        step.probability,
        step.propensity,
        list(step.rules),
        [
            {
                "at": other.at.isoformat(),
                "reason": other.reason,
                "probability": other.probability,
            }
            for other in step.alternatives
        ],
        json.loads(json.dumps(dict(step.evidence))),
    )


def _stored(decision: Decision, attempt: RetryAttempt | None) -> Answer:
    if attempt is None:
        return Answer(decision.step, decision.at, decision.reason)
    # Not its due time: that moves when Stripe does not answer.
    rest = {field.name for field in fields(Answer)} - {"step", "at", "reason"}
    return Answer(
        decision.step,
        decision.at,
        decision.reason,
        **{name: getattr(attempt, name) for name in rest},
    )
