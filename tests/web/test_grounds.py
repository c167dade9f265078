"""The decision card: what was known and weighed, in words."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from app.domain.cases import Customer
from app.domain.steps import RetryAt
from app.domain.strategies.adaptive import Adaptive
from app.web.grounds import grounds
from tests.builders import a_decline, a_recovery, an_attempt
from tests.conftest import MONDAY
from tests.domain.adaptive import builders


def card(viewer: FlaskClient, **kept: Any) -> str:
    recovery = a_recovery()
    a_decline(recovery_id=recovery.id, occurred_at=MONDAY)
    an_attempt(recovery_id=recovery.id, probability=0.37, **kept)
    return viewer.get(f"/recoveries/{recovery.id}").text


def test_what_adaptive_weighed_is_told_in_words(viewer: FlaskClient) -> None:
    case = builders.a_case(customer=Customer("cus_1"))
    step = Adaptive().next_step(case, now=builders.MONDAY)
    assert isinstance(step, RetryAt)
    page = card(viewer, evidence=dict(step.evidence))
    for told in (
        "Time chosen by", "the even spread", "Why declined, as believed",
        "no money until payday", "takes retries as they come", "Taken to cost",
        "Chance of all these", "leave the even spread only for much",
        "0 closed recoveries", "Not known", "time zone, earlier renewals",
        "13.8 points of the amount",
    ):  # fmt: skip
        assert told in page, told
    decision = page.split("How this was decided")[1].split("</details>")[0]
    for raw in ("{", "[", "+00:00", "even_time"):
        assert raw not in decision


def test_words_of_another_version_are_shown_as_they_are(viewer: FlaskClient) -> None:
    page = card(
        viewer,
        evidence={"plan": "dice", "belief": 7, "planned": "soon", "new_thing": "<b>"},
    )
    for told in ("dice", "7", "soon", "New thing", "&lt;b&gt;"):
        assert f"<dd>{told}</dd>" in page or told in page


def test_what_was_not_written_down_has_no_line(app: Flask) -> None:
    attempt = an_attempt(evidence={"unknown": [], "chance": 0.2, "zone": None})
    with app.test_request_context():
        assert grounds(attempt) == []


def test_a_small_belief_is_not_said_to_be_none(viewer: FlaskClient) -> None:
    page = card(viewer, evidence={"belief": {"an outage on the way": 0.006}})
    assert "under 1 % an outage on the way" in page
