"""The belief in plain words, for the timeline and the decision card."""

from app.domain.strategies.adaptive.belief import Belief
from app.domain.strategies.adaptive.hypotheses import Cause

CAUSES = {
    Cause.PAYDAY: "no money until payday",
    Cause.WINDOW: "money comes and goes without a calendar",
    Cause.BLOCK: "the bank's suspicion, which lapses",
    Cause.OUTAGE: "an outage on the way",
    Cause.LIMIT: "a card limit that resets",
    Cause.STALE: "a replaced card that an updater may bring",
    Cause.NEVER: "this card will not work again in time",
}


def causes(belief: Belief) -> dict[str, float]:
    """What each cause is believed to be worth, likeliest first, in words."""
    shares = sorted(belief.by_cause().items(), key=lambda item: (-item[1], item[0]))
    return {CAUSES[cause]: round(share, 3) for cause, share in shares if share >= 0.005}


def reason(belief: Belief) -> str:
    """One line for the timeline: the likeliest cause that passes."""
    shares = belief.by_cause()
    cause = max(
        (one for one in shares if one is not Cause.NEVER), key=lambda one: shares[one]
    )
    return (
        f"likeliest: {CAUSES[cause]} ({shares[cause]:.0%}); the best of the times left"
    )


def not_worth_it(chance: float, cost: float) -> str:
    """Why a recovery ends before its tries are used up."""
    return (
        f"the next try would pass with {chance:.1%} at best"
        f" and cost {cost:.1%} of the amount"
    )
