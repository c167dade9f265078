"""The bounds inside which any strategy plans: how many tries are left, and from when.

`decide` applies them to every answer; a strategy that plans with them from the start
chooses a good hour inside the bounds instead of being moved to a bad one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.cases import Case
from app.domain.declines import DeclineKind
from app.domain.network_rules import (
    BANK_DEBITS,
    MAX_CHARGES,
    MAX_DEBITS,
    MAX_RETRIES,
    cap_breach,
    earliest_allowed,
    explain_decline,
)
from app.domain.network_rules_data import PUBLISHED, NetworkRules

# Tries on the same day are almost perfectly correlated (CFPB, Online Payday Loan
# Payments, 2016: all succeed or all fail in 97 of 100 cases): one a day is enough.
SPACING = timedelta(hours=20)
# A fault of the machinery is often over in an hour or two, and says nothing about
# the account: the first retry need not wait for another day.
TECHNICAL_SPACING = timedelta(hours=1, minutes=30)


@dataclass(frozen=True, slots=True)
class Bound:
    """The first moment at which a charge is allowed, and the rules that moved it."""

    at: datetime
    rules: tuple[str, ...] = ()


def retries_left(case: Case) -> int:
    """How many more retries the ceilings leave, counting everybody's charges."""
    left = min(MAX_RETRIES - case.retries, MAX_CHARGES - case.charges)
    if case.card.kind in BANK_DEBITS:
        left = min(left, MAX_DEBITS - len(case.card_declines))
    return max(0, left)


def first_allowed(
    case: Case,
    wanted: datetime,
    *,
    now: datetime,
    rules: NetworkRules = PUBLISHED,
) -> Bound:
    """The first moment at or after `wanted`, and not in the past, that no rule forbids.

    The deadline is not looked at: compare the answer with it.
    """
    at, moved = max(wanted, now), []
    wait = earliest_allowed(case, at, rules=rules)
    if wait:
        at = wait.until
        moved.append(wait.rule)
    spaced = _spaced(case)
    if spaced and spaced.at > at:
        at = spaced.at
        moved.extend(spaced.rules)
    breach = cap_breach(case, at, rules=rules)
    if breach:
        at = breach.fits_at
        moved.append(breach.rule)
    return Bound(at, tuple(moved))


def _spaced(case: Case) -> Bound | None:
    """When the distance to the present card's last try is kept."""
    if not case.card_declines:
        return None
    spacing, rule = SPACING, "at least 20 hours between two tries"
    if is_first_technical(case):
        spacing, rule = TECHNICAL_SPACING, "at least 1.5 hours after a technical fault"
    return Bound(case.last_decline.occurred_at + spacing, (rule,))


def is_first_technical(case: Case) -> bool:
    """Whether the last try failed for a technical fault, and the one before did not."""
    kinds = [explain_decline(each, case).kind for each in case.card_declines[-2:]]
    technical = DeclineKind.TECHNICAL
    return bool(kinds) and kinds[-1] is technical and kinds[:-1] != [technical]
