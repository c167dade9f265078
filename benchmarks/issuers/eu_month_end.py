"""European salaries: paid once a month, most of them in its last week.

Evidence: salaried pay in the EU and UK is monthly and month-end heavy (common
knowledge, no survey was read); GoCardless retries bank debits on "payday-aware" days
for the same reason. Mastercard's advice codes 24-30 come with a part of the refusals
(Mastercard Authorization Optimizer). How long pay lasts is our choice.
"""

import random

from benchmarks.issuers.causes import advised, fraud_block, hard_stop, no_money
from benchmarks.issuers.kit import Draft, Holder, World
from benchmarks.issuers.money import eu_paydays

HOMES = [
    ("DE", "Europe/Berlin", "eur"),
    ("FR", "Europe/Paris", "eur"),
    ("NL", "Europe/Amsterdam", "eur"),
    ("GB", "Europe/London", "gbp"),
    ("PL", "Europe/Warsaw", "pln"),
]


def make(rng: random.Random, draft: Draft) -> Holder:
    draft.live_in(*rng.choices(HOMES, [35, 20, 12, 25, 8])[0])
    draft.funding = rng.choices(["debit", "credit"], [75, 25])[0]
    kind = rng.random()
    if kind < 0.04:
        return hard_stop(draft)
    if kind < 0.14:
        return fraud_block(draft)
    shares = (0.04, 0.08, 0.15, 0.3, 0.5)
    holder = no_money(draft, paydays=eu_paydays, shares=shares)
    return advised(draft, holder) if rng.random() < 0.1 else holder


def world(seed: int = 1) -> World:
    """A subscription business that sells to European salaried customers."""
    return World("eu_month_end", seed, make)
