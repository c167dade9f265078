"""A merchant like most: every cause, two continents, gaps in what Stripe tells.

Evidence: insufficient funds and do_not_honor are 72 % of refusals (Adyen, 2021);
card mix 61 / 39 credit to debit (Recurly, 2014-2016). A fifth of the cases lack zone,
funding or history, as old cards and imported customers do.
"""

import random
from datetime import timedelta

from benchmarks.issuers import causes
from benchmarks.issuers.kit import TOLERANT, CaseDict, Draft, Holder, Temper, World
from benchmarks.issuers.money import eu_paydays, us_paydays

HOMES = [
    ("US", "America/New_York", "usd"),
    ("US", "America/Los_Angeles", "usd"),
    ("DE", "Europe/Berlin", "eur"),
    ("GB", "Europe/London", "gbp"),
]


def make(rng: random.Random, draft: Draft) -> Holder:
    draft.live_in(*rng.choices(HOMES, [35, 25, 20, 20])[0])
    draft.funding = rng.choices(["credit", "debit", "prepaid"], [50, 45, 5])[0]
    temper = Temper(rest=timedelta(days=3)) if rng.random() < 0.2 else TOLERANT
    kind = rng.random()
    if kind < 0.06:
        return causes.hard_stop(draft)
    if kind < 0.10:
        return causes.outage(draft)
    if kind < 0.17:
        return causes.stale_card(draft)
    if kind < 0.24:
        return causes.resets(draft, every=rng.choice(["day", "week", "month"]))
    if kind < 0.45:
        return causes.fraud_block(draft, temper=temper)
    paydays = us_paydays if draft.country == "US" else eu_paydays
    return causes.no_money(draft, paydays=paydays, temper=temper, never=0.25)


class Gappy(World):
    """The same world seen through an account with holes in its data."""

    def declines(self, n: int) -> list[CaseDict]:
        cases = super().declines(n)
        for number, case in enumerate(cases):
            if number % 5 == 0:
                case["customer"] = {"country": None, "timezone": None}
                case["card"]["funding"] = None
                del case["past_successes"], case["past_declines"], case["interval"]
        return cases


def world(seed: int = 1) -> World:
    """A merchant with a bit of everything."""
    return Gappy("mixed_merchant", seed, make)
