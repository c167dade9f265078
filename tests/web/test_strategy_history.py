"""The back-test's page: what it says, and what it does not dare to say."""

import pytest
from flask.testing import FlaskClient

from app.domain.strategies import ALL
from tests.builders import a_account
from tests.services.test_past_cases import closed

PAGE = "/strategies/history"
LADDER = f"{PAGE}?first=fixed-ladder&second=hands-off"


def test_it_is_linked_from_the_list_and_from_adaptive(viewer: FlaskClient) -> None:
    assert f'href="{PAGE}"' in viewer.get("/strategies").text
    page = viewer.get("/strategies/adaptive").text
    assert f'href="{PAGE}?first=even-spread&amp;second=adaptive"' in page


def test_without_closed_recoveries_it_says_so(viewer: FlaskClient) -> None:
    answer = viewer.get(PAGE)
    assert answer.status_code == 200
    assert "No closed recoveries yet" in answer.text
    assert "What this cannot tell" not in answer.text
    for name in ALL:
        assert f'<option value="{name}"' in answer.text


def test_few_recoveries_are_shown_and_not_ranked(viewer: FlaskClient) -> None:
    a_account()
    closed(paid=True)
    page = viewer.get(PAGE).text
    assert "Not ranked: " in page
    assert "of 1 recoveries say something about both strategies" in page
    assert "At least 100 are needed to rank them." in page
    assert "too few to say" in page
    assert "known only at times that were tried" in page
    assert "Adaptive goes by the shipped prior here" in page
    assert "style=" not in page
    assert "Adaptive goes by" not in viewer.get(LADDER).text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("first=martingale", "Choose two strategies from the lists."),
        ("second=%3Cimg+id%3Dx%3E", "Choose two strategies from the lists."),
        ("first=", "Choose two strategies from the lists."),
        ("first=adaptive&second=adaptive", "Choose two different strategies."),
    ],
)
def test_a_question_without_sense_is_answered_with_a_sentence(
    viewer: FlaskClient, query: str, sentence: str
) -> None:
    answer = viewer.get(f"{PAGE}?{query}")
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "<img id=x>" not in answer.text


def test_one_account_of_several_can_be_looked_at(viewer: FlaskClient) -> None:
    first, second = a_account(), a_account(name="Coffee")
    closed(paid=True, account_id=first.id)
    closed(paid=True, account_id=second.id)
    closed(paid=False, account_id=second.id)
    assert "of 3 recoveries say something" in viewer.get(PAGE).text
    page = viewer.get(f"{PAGE}?account={second.id}").text
    assert "of 2 recoveries say something" in page
    assert f'<option value="{second.id}" selected>' in page
    unknown = viewer.get(f"{PAGE}?account=999999")
    assert unknown.status_code == 200
    assert "is no account we know" in unknown.text
