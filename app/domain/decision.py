"""The shell around every strategy: what may be done at all, checked before and after.

1. A card that is ruled out, spent tries and a closed window end it before a strategy
   is asked. 2. The strategy answers; one that fails is replaced by the even spread.
3. Its time is moved by the rules, never forward past the deadline.
"""

from dataclasses import replace
from datetime import UTC, datetime

from app.domain.cases import Case
from app.domain.limits import first_allowed, retries_left
from app.domain.network_rules import MAX_CHARGES, MAX_DEBITS, MAX_RETRIES, hard_stop
from app.domain.network_rules_data import PUBLISHED, NetworkRules
from app.domain.steps import (
    AskCustomer,
    GiveUp,
    NoPlan,
    Observe,
    RetryAt,
    Step,
    Strategy,
)
from app.domain.strategies.even_spread import EvenSpread


def decide(
    strategy: Strategy,
    case: Case,
    *,
    now: datetime,
    rules: NetworkRules = PUBLISHED,
) -> Step:
    """The next step for the case: the strategy's, inside every rule.

    A `RetryAt` lies between `now` and the deadline, after every wait that was asked
    for, under every cap, and is never the ninth retry or the tenth charge.
    """
    end = _end_without_asking(case, now)
    if end is not None:
        return end
    step = _answer_of(strategy, case, now)
    if not case.card_declines and not isinstance(step, Observe):
        step = _try_new_card(step, now)
    if not isinstance(step, RetryAt):
        return step
    return _within_rules(step, case, now, rules)


def first_try(
    case: Case, reason: str, *, now: datetime, rules: NetworkRules = PUBLISHED
) -> Step:
    """The step for a card that was added where there was none, and no refusal of this
    invoice yet: it is tried at once, inside every rule."""
    end = _end_without_asking(case, now)
    return end or _within_rules(RetryAt(now, reason), case, now, rules)


def _end_without_asking(case: Case, now: datetime) -> Step | None:
    stop = hard_stop(case)
    if stop:
        # Where another card would help, the recovery waits for it. A cardholder who
        # told the bank to stop, and a fault on the merchant's side, are not mended
        # by asking for one.
        ending = AskCustomer if stop.customer_can_help else GiveUp
        return ending(stop.reason)
    if retries_left(case) == 0:
        return GiveUp(_ceiling_sentence(case))
    if now > case.deadline_at:
        return GiveUp(f"The time for retries ended on {_day(case.deadline_at)}.")
    return None


def _ceiling_sentence(case: Case) -> str:
    if case.retries >= MAX_RETRIES:
        return f"All {MAX_RETRIES} retries have been made."
    if case.charges < MAX_CHARGES:
        return (
            f"The bank account has been debited {MAX_DEBITS} times: no more is borne."
        )
    return (
        f"The invoice has been charged {case.charges} times, by whomever; after "
        f"{MAX_CHARGES} charges another one could make it impossible to pay."
    )


def _answer_of(strategy: Strategy, case: Case, now: datetime) -> Step:
    """The strategy's step; the even spread's when it fails or answers nonsense.

    A renewal must not go uncollected because a model broke.
    """
    try:
        step = strategy.next_step(case, now=now)
        fault = _fault_in(step)
    except NoPlan as error:
        fault = str(error)
    except Exception as error:
        fault = f"it failed with {type(error).__name__}"
    if fault is None:
        return step
    step = EvenSpread().next_step(case, now=now)
    note = f"{strategy.name} gave no plan ({fault}): even spread took over"
    if isinstance(step, RetryAt):
        return replace(step, rules=(note, *step.rules))
    return replace(step, reason=f"{step.reason} ({note}.)")


def _fault_in(step: object) -> str | None:
    if not isinstance(step, RetryAt | AskCustomer | GiveUp | Observe):
        return f"it answered {type(step).__name__}"
    if isinstance(step, RetryAt) and step.at.tzinfo is None:
        return "it answered a time without a zone"
    return None


def _try_new_card(step: Step, now: datetime) -> RetryAt:
    """A card that has not been refused yet is tried at once, whatever was planned."""
    reason = "The card was replaced: the new one is tried at once."
    if isinstance(step, RetryAt):
        return replace(step, at=now, reason=reason)
    return RetryAt(now, reason)


def _within_rules(
    step: RetryAt, case: Case, now: datetime, rules: NetworkRules
) -> Step:
    bound = first_allowed(case, step.at, now=now, rules=rules)
    if bound.at > case.deadline_at:
        return GiveUp(_too_late_sentence(bound.rules, case))
    return replace(step, at=bound.at.astimezone(UTC), rules=(*step.rules, *bound.rules))


def _too_late_sentence(moved_by: tuple[str, ...], case: Case) -> str:
    because = f" ({'; '.join(moved_by)})" if moved_by else ""
    return (
        f"The next try{because} would come after the time for retries ends on "
        f"{_day(case.deadline_at)}."
    )


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y %H:%M} UTC"
