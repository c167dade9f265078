"""Strategies that only the benchmark runs: dice, and the usual eight in two weeks."""

from datetime import datetime, timedelta
from random import Random

from app.domain.cases import Case
from app.domain.steps import GiveUp, RetryAt, Step

TRIES = 8


class RandomTimes:
    """Eight times drawn evenly over the window."""

    name = "random"
    version = "1"

    def next_step(self, case: Case, *, now: datetime) -> Step:
        """The next of the eight draws."""
        if case.retries >= TRIES:
            return GiveUp("all eight draws were tried")
        dice = Random(case.seed)
        window = case.deadline_at - case.declined_at
        draws = sorted(dice.random() for _ in range(TRIES))
        return RetryAt(
            max(now, case.declined_at + window * draws[case.retries]), "dice"
        )


class EightInTwoWeeks:
    """Stripe's recommended number and window (docs.stripe.com, Smart Retries, read in
    a copy of April 2026), evenly spaced: its choice of times is not public."""

    name = "8 in 14 days"
    version = "1"

    def next_step(self, case: Case, *, now: datetime) -> Step:
        """The next multiple of a day and three quarters."""
        if case.retries >= TRIES:
            return GiveUp("all eight were tried")
        at = case.declined_at + timedelta(days=14) / TRIES * (case.retries + 1)
        return RetryAt(max(now, at), "eight in two weeks")
