"""Blocks that clear and machines that fail: no calendar at all.

Evidence: generic declines and do_not_honor make up most refusals of credit cards
(Recurly, 2014-2016); processing errors clear when tried again (Stripe's documentation
of processing_error and issuer_not_available). Clearing times are our choice.
"""

import random

from benchmarks.issuers.causes import fraud_block, hard_stop, no_money, outage
from benchmarks.issuers.kit import Draft, Holder, World


def make(rng: random.Random, draft: Draft) -> Holder:
    draft.live_in("US", rng.choice(["America/New_York", "America/Denver"]), "usd")
    draft.funding = "credit"
    draft.window *= rng.choice([1.0, 1.0, 0.5])
    kind = rng.random()
    if kind < 0.07:
        return hard_stop(draft)
    if kind < 0.30:
        return outage(draft)
    if kind < 0.42:
        return no_money(draft)
    return fraud_block(draft)


def world(seed: int = 1) -> World:
    """A merchant of credit cards with suspicious issuers."""
    return World("fraud_and_outages", seed, make)
