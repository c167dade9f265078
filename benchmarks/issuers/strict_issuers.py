"""Issuers that punish retries: a try too soon after the last is refused whatever the
account holds, and starts the wait again.

Evidence: several presentments on one day nearly all succeed or all fail (CFPB, Online
Payday Loan Payments, 2016, quoted by JD Supra); Mastercard's advice "try again later"
is commonly read as 72 hours; Visa and Mastercard cap and charge repeated tries. The
length of the rest is our choice.
"""

import random
from datetime import timedelta

from benchmarks.issuers.causes import GENERIC, fraud_block, no_money
from benchmarks.issuers.kit import TOLERANT, Draft, Holder, Temper, World

TEMPERS = [
    TOLERANT,
    Temper(rest=timedelta(days=2), code=GENERIC),
    Temper(rest=timedelta(days=4), code=GENERIC),
    Temper(rest=timedelta(days=6)),
    Temper(weekly=2, code=GENERIC),
    Temper(weekly=3),
]


def make(rng: random.Random, draft: Draft) -> Holder:
    temper = rng.choices(TEMPERS, [30, 10, 20, 15, 15, 10])[0]
    draft.live_in("US", rng.choice(["America/New_York", "America/Chicago"]), "usd")
    draft.funding = rng.choices(["debit", "credit"], [60, 40])[0]
    if rng.random() < 0.35:
        return fraud_block(draft, temper=temper)
    return no_money(draft, temper=temper, never=0.15)


def world(seed: int = 1) -> World:
    """A merchant most of whose issuers take offence at a dense schedule."""
    return World("strict_issuers", seed, make)
