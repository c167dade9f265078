"""How each issuer takes repeated tries, where Stripe names it.

What an issuer does with retries it does with nearly all of its cards. So it is asked of
each with enough cases whether one temper explains them better than the mixture that
is learned from everyone.
"""

from dataclasses import dataclass, field

import numpy as np

from app.domain.strategies.adaptive.lessons import Group
from app.domain.strategies.adaptive.model import Model
from app.domain.strategies.adaptive.paydays import Floats

MANY = 8  # cases from which on an issuer is judged by itself
# Our choice: the share of issuers with one temper, before anything was seen; and the
# share of such an issuer's cards that follow it.
OF_ONE_TEMPER, ALIKE = 0.7, 0.8


@dataclass
class Issuers:
    """Likelihood of each temper by case (rows), gathered by issuer."""

    seen: dict[str, list[Floats]] = field(default_factory=dict)

    def note(self, group: Group, weights: Floats, model: Model) -> None:
        """`weights` of the tempers after all answers, by case, under `model`."""
        for one, row in zip(group.lessons, weights, strict=True):
            if one.sight.issuer:
                likely = row / model.tempers_of(one.sight)
                self.seen.setdefault(one.sight.issuer, []).append(likely)

    def tempers(self, everyone: Floats) -> dict[str, Floats]:
        """Weights by issuer, each summing to one; those with few cases are left out."""
        return {
            name: _weights(np.array(rows), everyone)
            for name, rows in self.seen.items()
            if len(rows) >= MANY
        }


def _weights(likely: Floats, everyone: Floats) -> Floats:
    """Bayes over "all but a few have temper c", for each c, and "they are mixed"."""
    mixed = likely @ everyone
    of_one = ALIKE * likely + (1 - ALIKE) * mixed[:, None]
    prior = np.append(OF_ONE_TEMPER * everyone, 1 - OF_ONE_TEMPER)
    logs = np.log(prior) + np.append(np.log(of_one).sum(axis=0), np.log(mixed).sum())
    found = np.exp(logs - logs.max())
    found /= found.sum()
    alike = ALIKE * found[:-1]
    return np.asarray(alike + (1 - alike.sum()) * everyone)
