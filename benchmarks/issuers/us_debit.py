"""US debit: no money until payday, paydays by the week, fortnight or half month.

Evidence: pay intervals by the US Bureau of Labor Statistics (March 2013 survey of
establishments); insufficient funds is the largest refusal of debit cards (Recurly,
2014-2016, 836 businesses); spending jumps on payday at every income level (Gelman et
al. 2014; Olafsson and Pagel). How long pay lasts is our choice.
"""

import random

from benchmarks.issuers.causes import fraud_block, hard_stop, no_money
from benchmarks.issuers.kit import Draft, Holder, World


def make(rng: random.Random, draft: Draft) -> Holder:
    zone = rng.choices(
        ["New_York", "Chicago", "Denver", "Los_Angeles"], [47, 29, 7, 17]
    )
    draft.live_in("US", f"America/{zone[0]}", "usd")
    draft.funding = rng.choices(["debit", "prepaid", "credit"], [80, 8, 12])[0]
    kind = rng.random()
    if kind < 0.04:
        return hard_stop(draft)
    if kind < 0.14:
        return fraud_block(draft)
    return no_money(draft)


def world(seed: int = 1) -> World:
    """A subscription business that sells to US debit cards."""
    return World("us_debit", seed, make)
