"""Where Stripe would not charge at all, without asking a bank: asked less and less."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.cases import Case
from app.domain.steps import GiveUp, RetryAt, Step

# After the first refusal to charge at all; twice as long after each further one.
AFTER_REFUSAL = timedelta(days=1)
# In a row, which takes a week: what stands against a charge then will stand.
MOST_REFUSALS = 4


@dataclass(frozen=True, slots=True)
class StripeRefusals:
    """So many in a row, the newest one at `at`; `last_words` came with it."""

    at: datetime
    times: int
    last_words: str = ""


def after_refusals(step: Step, case: Case, refusals: StripeRefusals | None) -> Step:
    """Not at once where Stripe would not charge and shows no reason: it would say so
    again, and again. A new card is a new question."""
    changed_at = case.card_changed_at
    if refusals is None or (changed_at and changed_at > refusals.at):
        return step
    if not isinstance(step, RetryAt):
        return step
    if refusals.times >= MOST_REFUSALS:
        return GiveUp(
            f"Stripe refused {refusals.times} times in a row to charge at all, without "
            f"asking a bank. {refusals.last_words}"
        )
    days = 1 << max(0, refusals.times - 1)
    earliest = refusals.at + AFTER_REFUSAL * days
    if step.at >= earliest:
        return step
    if earliest > case.deadline_at:
        return GiveUp(
            "Stripe refuses to charge, and the time for retries is over soon. "
            f"{refusals.last_words}"
        )
    waits = "a day" if days == 1 else f"{days} days"
    rules = (*step.rules, f"{waits} after Stripe refused to charge at all")
    return replace(step, at=earliest, rules=rules)
