"""How much of what the networks allow on one card has been used, by whomever."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.cases import Case
from app.domain.network_rules import caps_for, network_tries
from app.domain.network_rules_data import PUBLISHED, NetworkRules

DAYS = 30  # of the longest caps


@dataclass(frozen=True, slots=True)
class CardUse:
    """Refused charges of one card in the last 30 days, of all invoices.

    `blocked` are those that Stripe refused by itself: no network saw them, and they
    count against none of the `allowed`.
    """

    at_network: int
    blocked: int
    allowed: int


def card_use(case: Case, at: datetime, *, rules: NetworkRules = PUBLISHED) -> CardUse:
    """What stands against the case's card at `at`."""
    since = at - timedelta(days=DAYS)
    blocked = [
        each
        for each in case.card_attempts
        if each.declined and not each.reached_network and each.at > since
    ]
    caps = [cap.tries for cap in caps_for(case, at, rules=rules) if cap.window.days > 1]
    return CardUse(
        at_network=sum(each.at > since for each in network_tries(case)),
        blocked=len(blocked),
        allowed=min(caps, default=0),
    )
