"""Replaced cards, an account updater, and many cards that will never work again.

Evidence: an updater covers 60-80 % of replaced cards by a vendor's word and runs both
before a renewal and after a decline (Recurly's documentation); expired cards recover
little by retries alone. The share of lost causes is our choice and high on purpose.
"""

import random

from benchmarks.issuers.causes import (
    GENERIC,
    hard_stop,
    no_money,
    stale_card,
    stays_shut,
)
from benchmarks.issuers.kit import Draft, Holder, World
from benchmarks.issuers.money import eu_paydays, us_paydays


def make(rng: random.Random, draft: Draft) -> Holder:
    home = rng.choice(
        [("US", "America/New_York", "usd"), ("ES", "Europe/Madrid", "eur")]
    )
    draft.live_in(*home)
    draft.funding = rng.choice(["debit", "credit"])
    kind = rng.random()
    if kind < 0.12:
        return hard_stop(draft)
    if kind < 0.40:
        return stale_card(draft)
    if kind < 0.65:
        return stays_shut(draft, "never", GENERIC)
    paydays = us_paydays if draft.country == "US" else eu_paydays
    return no_money(draft, paydays=paydays, never=0.3)


def world(seed: int = 1) -> World:
    """A merchant with an old customer base."""
    return World("stale_cards", seed, make)
