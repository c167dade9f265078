import pytest

from app.domain.network_rules import MAX_RETRIES
from app.domain.rehearsal import rehearse
from app.domain.steps import AskCustomer, Observe
from app.domain.strategies import ALL, strategy_named
from app.domain.strategies.portraits import EXAMPLES, PORTRAITS, Example
from tests.domain.builders import MONDAY, a_case, days


def test_every_strategy_has_a_portrait() -> None:
    assert set(PORTRAITS) == set(ALL)
    assert all(len(portrait.paragraph) > 80 for portrait in PORTRAITS.values())


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_a_rehearsal_ends_within_the_ceilings(name: str, example: Example) -> None:
    case = example.case
    rehearsal = rehearse(strategy_named(name), case, now=case.declined_at)
    times = [retry.at for retry in rehearsal.retries]
    assert len(times) <= MAX_RETRIES
    assert times == sorted(times)
    assert all(at <= case.deadline_at for at in times)


def test_the_ladder_is_rehearsed_on_its_rungs() -> None:
    rehearsal = rehearse(strategy_named("fixed-ladder"), a_case(), now=MONDAY)
    after = [retry.at - MONDAY for retry in rehearsal.retries]
    assert after == [days(1), days(3), days(5), days(7)]


def test_a_stolen_card_is_rehearsed_without_any_retry() -> None:
    rehearsal = rehearse(
        strategy_named("even-spread"), a_case("stolen_card"), now=MONDAY
    )
    assert not rehearsal.retries
    assert isinstance(rehearsal.ending, AskCustomer)


def test_hands_off_is_rehearsed_as_watching() -> None:
    rehearsal = rehearse(strategy_named("hands-off"), a_case(), now=MONDAY)
    assert not rehearsal.retries
    assert isinstance(rehearsal.ending, Observe)
