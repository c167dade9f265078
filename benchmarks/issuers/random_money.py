"""Money without a calendar: gig work, transfers from family, cash paid in.

Evidence: none for the timing, on purpose; about a tenth of US workers are paid
irregularly by the employers' surveys' leftover. A strategy that believes in paydays
must not lose here.
"""

import random
from datetime import timedelta

from benchmarks.issuers.causes import GENERIC, NO_FUNDS, by_day, stays_shut
from benchmarks.issuers.kit import Draft, Holder, World


def make(rng: random.Random, draft: Draft) -> Holder:
    draft.live_in("US", rng.choice(["America/New_York", "America/Los_Angeles"]), "usd")
    code = NO_FUNDS if rng.random() < 0.7 else GENERIC
    draft.shows_history = rng.random() < 0.5
    if rng.random() < 0.3:
        return stays_shut(draft, "never", code)
    windows = []
    at = draft.declined_at + timedelta(days=rng.expovariate(1 / 6))
    while at < draft.deadline():
        lasts = timedelta(days=max(0.4, rng.expovariate(1 / 2.5)))
        windows.append((at, at + lasts))
        at += lasts + timedelta(days=rng.expovariate(1 / 9))
    return Holder(
        cause="windows",
        ready=lambda at: any(opens <= at < shuts for opens, shuts in windows),
        refusal=lambda at: code,
        zone=draft.zone,
        slip=by_day,
    )


def world(seed: int = 1) -> World:
    """A merchant whose customers are paid whenever they are."""
    return World("random_money", seed, make)
