"""Spending limits that reset at local midnight, on Monday or on the 1st, and are used
up again some time after.

Evidence: issuers publish daily, weekly and monthly card limits; Visa's response codes
61 (exceeds approval amount limit) and 65 (exceeds withdrawal frequency limit). How
fast a limit is used up again is our choice.
"""

import random

from benchmarks.issuers.causes import no_money, resets, stays_shut
from benchmarks.issuers.kit import Codes, Draft, Holder, World


def make(rng: random.Random, draft: Draft) -> Holder:
    home = rng.choice([("US", "America/Chicago", "usd"), ("IT", "Europe/Rome", "eur")])
    draft.live_in(*home)
    draft.funding = rng.choices(["debit", "prepaid", "credit"], [60, 20, 20])[0]
    kind = rng.random()
    if kind < 0.2:
        return no_money(draft)
    if kind < 0.35:
        code = Codes("card_velocity_exceeded", "try_again_later", "65")
        return stays_shut(draft, "never", code)
    return resets(draft, every=rng.choices(["day", "week", "month"], [25, 40, 35])[0])


def world(seed: int = 1) -> World:
    """A merchant whose customers live at the edge of their card limits."""
    return World("limits", seed, make)
