"""Paydays where no prior looks for them: the 10th and 20th, every ten days, the third
Wednesday, and a merchant's own hours turned around (nights pass, days slip).

Evidence: US Social Security pays on the second, third and fourth Wednesday (ssa.gov);
Stripe's documentation says that debit cards in some countries do better at 00:01
local time; the rest is made up so that a confident prior is wrong.
"""

import random
from datetime import date, timedelta

from benchmarks.issuers.causes import fraud_block, no_money
from benchmarks.issuers.kit import Draft, Holder, World
from benchmarks.issuers.money import DaysOfMonth, EveryNDays, NthWeekday, Paydays


def odd_paydays(rng: random.Random) -> Paydays:
    """A pay calendar from the odd corners."""
    kind = rng.random()
    if kind < 0.35:
        return DaysOfMonth((rng.choice([8, 10, 12, 20]),), moves_off_weekends=False)
    if kind < 0.55:
        return DaysOfMonth((10, 20), moves_off_weekends=False)
    if kind < 0.8:
        return NthWeekday(rng.choice([2, 3, 3, 4]), 2)
    return EveryNDays(date(2025, 1, 1) + timedelta(days=rng.randrange(10)), 10)


def nights_pass(hour: int) -> float:
    return 0.03 if hour < 8 else 0.2


def make(rng: random.Random, draft: Draft) -> Holder:
    draft.live_in("US", rng.choice(["America/New_York", "America/Phoenix"]), "usd")
    if rng.random() < 0.1:
        return fraud_block(draft)
    shares = (0.05, 0.1, 0.2, 0.4)
    return no_money(draft, paydays=odd_paydays, shares=shares, slip=nights_pass)


def world(seed: int = 1) -> World:
    """A merchant whom every prior misjudges."""
    return World("shifted_paydays", seed, make)
