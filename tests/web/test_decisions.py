"""The decisions about a recovery, computed again on their page."""

from flask.testing import FlaskClient
from sqlalchemy import select

from app.domain.strategies.adaptive import Adaptive
from app.services.planning import plan
from app.storage.decision_models import Decision
from app.storage.models import Recovery
from app.storage.transaction import transaction
from tests.builders import a_decline, a_recovery
from tests.conftest import MONDAY


def _decided(strategy: str) -> int:
    recovery = a_recovery(strategy=strategy)
    a_decline(recovery_id=recovery.id, account_id=recovery.account_id)
    with transaction() as session:
        plan(session, session.get_one(Recovery, recovery.id), now=MONDAY)
    return recovery.id


def test_each_decision_is_shown_with_what_came_of_it(viewer: FlaskClient) -> None:
    recovery_id = _decided("adaptive")
    card = viewer.get(f"/recoveries/{recovery_id}").text
    assert f'href="/recoveries/{recovery_id}/decisions"' in card
    page = viewer.get(f"/recoveries/{recovery_id}/decisions").text
    assert "Computed again: the same." in page
    assert f"by adaptive {Adaptive.version}" in page
    assert "style=" not in page


def test_an_end_is_reached_from_its_page(viewer: FlaskClient) -> None:
    recovery = a_recovery()
    kept = {"recovery_id": recovery.id, "account_id": recovery.account_id}
    a_decline(**kept, decline_code="stolen_card")
    with transaction() as session:
        plan(session, session.get_one(Recovery, recovery.id), now=MONDAY)
    address = f"/recoveries/{recovery.id}/decisions"
    assert f'href="{address}"' in viewer.get(f"/recoveries/{recovery.id}").text
    page = viewer.get(address).text
    assert "Ask the customer" in page
    assert "Computed again: the same." in page


def test_a_difference_is_shown(viewer: FlaskClient) -> None:
    recovery_id = _decided("even-spread")
    with transaction() as session:
        session.scalars(select(Decision)).one().reason = "Because."
    page = viewer.get(f"/recoveries/{recovery_id}/decisions").text
    assert "Computed again, not the same: reason." in page
    assert "<dt>Computed again, reason</dt>" in page


def test_without_decisions_the_page_says_what_is_not_among_them(
    viewer: FlaskClient,
) -> None:
    page = viewer.get(f"/recoveries/{a_recovery().id}/decisions").text
    assert "No decision is kept" in page
    assert viewer.get("/recoveries/999999/decisions").status_code == 404
