"""Every pair of a status and a fact: where it leads, or that it is refused."""

import pytest

from app.domain.lifecycle import Lifecycle, LifecycleFact, lifecycle
from app.domain.recovery import MoveRefused

FACTS = [
    *("created_paid", "trial_started", "renewal_paid", "renewal_declined"),
    *("retries_ended", "paused", "resumed", "canceled", "expired"),
]

# A row a status, a column a fact, in the order of FACTS; "-" is refused.
TABLE = """
none        created in_trial converted in_retry terminated suspended -         cancelled expired
created     created in_trial converted in_retry terminated suspended -         cancelled expired
in_trial    in_trial in_trial converted in_retry terminated suspended -         cancelled expired
converted   -       -        converted in_retry terminated suspended -         cancelled expired
in_retry    -       -        activated in_retry terminated suspended -         cancelled expired
activated   -       -        activated in_retry terminated suspended -         cancelled expired
terminated  -       -        activated in_retry terminated suspended -         cancelled expired
suspended   -       -        activated suspended suspended suspended activated cancelled expired
cancelled   -       -        activated -        cancelled  -         -         cancelled -
expired     -       -        -         -        expired    -         -         -         expired
"""  # noqa: E501
ROWS = [line.split() for line in TABLE.strip().splitlines()]
MOVES = [
    (None if old == "none" else Lifecycle(old), LifecycleFact(fact), new)
    for old, *news in ROWS
    for fact, new in zip(FACTS, news, strict=True)
]


def test_the_table_speaks_of_every_status_and_every_fact() -> None:
    assert {old for old, _, _ in MOVES} == {None, *Lifecycle}
    assert {fact for _, fact, _ in MOVES} == set(LifecycleFact)


@pytest.mark.parametrize(("old", "fact", "new"), [m for m in MOVES if m[2] != "-"])
def test_an_allowed_move_leads_to(
    old: Lifecycle | None, fact: LifecycleFact, new: str
) -> None:
    assert lifecycle(old, fact) == new


@pytest.mark.parametrize(("old", "fact", "new"), [m for m in MOVES if m[2] == "-"])
def test_a_move_that_cannot_be_is_refused(
    old: Lifecycle | None, fact: LifecycleFact, new: str
) -> None:
    with pytest.raises(MoveRefused, match=fact):
        lifecycle(old, fact)


@pytest.mark.parametrize(
    ("facts", "end"),
    [
        # the story of PRODUCT: trial, conversion, trouble, money back
        (["trial_started", "renewal_paid"], Lifecycle.CONVERTED),
        (["created_paid", "renewal_paid", "renewal_paid"], Lifecycle.CONVERTED),
        (
            ["created_paid", "renewal_declined", "renewal_paid", "renewal_paid"],
            Lifecycle.ACTIVATED,
        ),
        (
            ["created_paid", "renewal_declined", "retries_ended", "renewal_paid"],
            Lifecycle.ACTIVATED,
        ),
        (["created_paid", "paused", "resumed", "renewal_paid"], Lifecycle.ACTIVATED),
        (["created_paid", "canceled"], Lifecycle.CANCELLED),
        # given up at once, without a retry
        (["trial_started", "retries_ended"], Lifecycle.TERMINATED),
        (["renewal_paid", "retries_ended"], Lifecycle.TERMINATED),
    ],
)
def test_a_subscription_lives_through(facts: list[str], end: Lifecycle) -> None:
    status: Lifecycle | None = None
    for fact in facts:
        status = lifecycle(status, LifecycleFact(fact))
    assert status is end
