"""What a decision rests on: where something was not known, the card says so."""

import pytest

from app.domain.cases import Card, Customer
from app.domain.facts import Facts, step_from, unknown_of
from app.domain.steps import RetryAt, Strategy
from app.domain.strategies import ALL
from app.domain.strategies.hands_off import HandsOff
from app.domain.strategies.own import Definition, Line, OwnStrategy
from tests.domain.builders import MONDAY, a_case

NOTHING_KNOWN = a_case("code_of_tomorrow", customer=Customer("cus"), card=Card())
STRATEGIES: list[Strategy] = [
    *(make() for name, make in ALL.items() if name != HandsOff.name),
    OwnStrategy("mine", "1", Definition((Line(),))),
]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda one: one.name)
def test_every_strategy_plans_all_the_same_and_its_card_says_what_was_unknown(
    strategy: Strategy,
) -> None:
    step = step_from(Facts(NOTHING_KNOWN), strategy, now=MONDAY)
    assert isinstance(step, RetryAt)
    assert MONDAY < step.at < NOTHING_KNOWN.deadline_at
    said = step.evidence["unknown"]
    assert isinstance(said, list)
    wanted = ["time zone", "country", "kind of card (credit, debit, prepaid)"]
    assert set(said) >= {*wanted, "what this decline code stands for"}


def test_nothing_is_said_to_be_unknown_that_is_known() -> None:
    known = Card(brand="visa", country="US", funding="debit", fingerprint="fp")
    assert unknown_of(a_case(card=known)) == ()
    # A bank account has no kind of card.
    debit = a_case(card=Card(kind="us_bank_account"))
    assert unknown_of(debit) == ()
