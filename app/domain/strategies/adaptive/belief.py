"""What is believed of a case: exact Bayes over hypotheses and tempers.

belief = prior x P(declined when it was) x P(past renewals)
         x P(each try failed, if it was looked at) x P(codes changed as they did)
"""

from dataclasses import dataclass

import numpy as np

from app.domain.strategies.adaptive.hypotheses import CAUSES, Cause, hypotheses
from app.domain.strategies.adaptive.model import Model
from app.domain.strategies.adaptive.paydays import Floats
from app.domain.strategies.adaptive.sight import GROUPS, Sight, chances, past_evidence
from app.domain.strategies.adaptive.tempers import heard

# An advised time is the network's guess that the account will be ready by then.
ADVICE_POWER = 0.7
# How likely each group of codes is when an issuer changes what it says, by cause.
# Columns: no funds, do not honor, generic, limits, technical, expired, fraud, other.
CHANGES = np.array(
    [
        (0.50, 0.22, 0.18, 0.03, 0.02, 0.01, 0.02, 0.02),  # payday
        (0.50, 0.22, 0.18, 0.03, 0.02, 0.01, 0.02, 0.02),  # window
        (0.05, 0.35, 0.33, 0.04, 0.03, 0.02, 0.14, 0.04),  # block
        (0.04, 0.10, 0.14, 0.02, 0.60, 0.02, 0.02, 0.06),  # outage
        (0.12, 0.12, 0.12, 0.52, 0.03, 0.01, 0.04, 0.04),  # limit
        (0.03, 0.20, 0.20, 0.02, 0.03, 0.42, 0.04, 0.06),  # stale
        (0.08, 0.24, 0.24, 0.04, 0.04, 0.10, 0.13, 0.13),  # never
    ]
)
assert CHANGES.shape == (CAUSES, GROUPS)


@dataclass(frozen=True, slots=True)
class Belief:
    """`weights` by temper (rows) and hypothesis (columns), summing to one."""

    sight: Sight
    weights: Floats

    def by_cause(self) -> dict[Cause, float]:
        """The share of belief that each cause holds."""
        h = hypotheses()
        sums = np.bincount(h.cause, weights=self.weights.sum(axis=0), minlength=CAUSES)
        return {cause: float(sums[cause]) for cause in Cause}


def belief(model: Model, sight: Sight) -> Belief:
    """What is believed after all that the case shows."""
    logs = log_prior(model, sight)[None, :] + failures(sight)
    logs += np.log(model.tempers_of(sight))[:, None]
    weights = np.exp(logs - logs.max())
    return Belief(sight, weights / weights.sum())


def log_prior(model: Model, sight: Sight) -> Floats:
    """The model's prior and everything but this case's own retries, by hypothesis."""
    return np.log(model.prior(sight) + 1e-12) + surroundings(sight)


def surroundings(sight: Sight) -> Floats:
    """What the case shows beside its retries' refusals, whatever the model: the day
    of the decline, earlier renewals, codes that changed, advice."""
    h = hypotheses()
    logs = past_evidence(sight)
    # Within the calendars, a decline on this day speaks for those without money now,
    # in proportion to how usual that is for them; the cause's own share stays.
    calendars = len(h.table)
    at_first = chances(sight, sight.tries[:1])[:calendars, 0]
    logs[:calendars] += np.log1p(-at_first) - np.log1p(-h.usual[:calendars])
    return np.asarray(logs + _code_changes(sight) + _advice(sight))


def failures(sight: Sight) -> Floats:
    """Log-likelihood that all retries so far failed, by temper and hypothesis."""
    retries = sight.tries[1:]
    looked_at = heard(sight.tries[:1], retries[None])[0]
    missed = np.log1p(-chances(sight, retries))
    return np.asarray(looked_at.astype(float) @ missed.T)


def _code_changes(sight: Sight) -> Floats:
    h = hypotheses()
    logs = np.zeros(CAUSES)
    for before, after in zip(sight.groups, sight.groups[1:], strict=False):
        if before != after:
            logs += np.log(CHANGES[:, after])
    return np.asarray(logs[h.cause])


def _advice(sight: Sight) -> Floats:
    if not len(sight.advised):
        return np.zeros(len(hypotheses()))
    ready = chances(sight, sight.advised + 0.05)
    return np.asarray(ADVICE_POWER * np.log(0.1 + 0.9 * ready).sum(axis=1))
