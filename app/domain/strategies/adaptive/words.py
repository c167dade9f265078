"""The belief in plain words, for the timeline and the decision card."""

from app.domain.strategies.adaptive.belief import Belief
from app.domain.strategies.adaptive.hypotheses import Cause
from app.domain.strategies.adaptive.sight import Sight
from app.domain.strategies.adaptive.tempers import TEMPERS

CAUSES = {
    Cause.PAYDAY: "no money until payday",
    Cause.WINDOW: "money that comes and goes without a calendar",
    Cause.BLOCK: "the bank's suspicion, which lapses",
    Cause.OUTAGE: "an outage on the way",
    Cause.LIMIT: "a card limit that resets",
    Cause.STALE: "a replaced card that an updater may bring",
    Cause.NEVER: "this card will not work again in time",
}
LEAST_SHOWN = 0.005


def causes(belief: Belief) -> dict[str, float]:
    """What each cause is believed to be worth, likeliest first."""
    shares = sorted(belief.by_cause().items(), key=lambda item: (-item[1], item[0]))
    return {
        CAUSES[cause]: round(share, 3) for cause, share in shares if share > LEAST_SHOWN
    }


def tempers(belief: Belief) -> dict[str, float]:
    """How the issuer is believed to take retries, likeliest first."""
    shares = belief.weights.sum(axis=1)
    order = sorted(range(len(TEMPERS)), key=lambda number: -shares[number])
    return {TEMPERS[number].words: round(float(shares[number]), 3) for number in order}


def reason(belief: Belief) -> str:
    """The likeliest cause that can pass, and what is made of it."""
    shares = belief.by_cause()
    passing = [cause for cause in Cause if cause is not Cause.NEVER]
    cause = max(passing, key=lambda one: shares[one])
    return (
        f"Likeliest that can pass: {CAUSES[cause]} ({shares[cause]:.0%}). "
        "The first of the best set of tries"
    )


def rules(sight: Sight) -> tuple[str, ...]:
    """What limited the times that were looked at, beside the shell's own rules."""
    return ("not before the time the network advised",) if len(sight.advised) else ()


def not_worth_it(chance: float, costs: float) -> str:
    """Why a recovery ends before its tries are used up."""
    return (
        f"All tries left would together pass with {chance:.1%} and are taken to cost "
        f"{costs:.1%} of the amount: no further try is worth it."
    )
