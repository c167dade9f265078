"""The page of the audit trail: owners read, filter and export it."""

from flask.testing import FlaskClient
from sqlalchemy import update

from app.domain.recovery import AttemptStatus
from app.storage.models import RetryAttempt
from app.storage.transaction import transaction
from tests.builders import a_user, an_attempt, an_audit_entry
from tests.conftest import MONDAY


def _decline(attempt_id: int) -> None:
    with transaction() as session:
        session.execute(
            update(RetryAttempt)
            .where(RetryAttempt.id == attempt_id)
            .values(status=AttemptStatus.DECLINED)
        )


def test_owners_read_filter_and_export_the_trail(owner: FlaskClient) -> None:
    ann = a_user(email="ann@example.com")
    an_audit_entry(action="role changed", user_id=ann.id, detail="=SUM(A1)")
    made = an_attempt(status=AttemptStatus.RUNNING, started_at=MONDAY)
    _decline(made.id)
    an_audit_entry(action="account.trouble")
    page = "/account/audit"
    shown = {"": 3, f"?who={ann.id}": 1, "?what=people": 1, "?what=charges": 1}
    for question, entries in {
        **shown,
        "?what=engine": 1,
        "?from=2026-11-03": 0,
    }.items():
        assert owner.get(page + question).text.count('id="entry-') == entries, question
        lines = owner.get(f"{page}.jsonl{question}").text.splitlines()
        assert len(lines) == entries, question
    table = owner.get(f"{page}.csv?what=people").text
    assert "'=SUM(A1)" in table
    assert owner.get(f"{page}.csv?what=nonsense").status_code == 422


def test_only_owners_see_the_trail(staff: FlaskClient, viewer: FlaskClient) -> None:
    for browser in (staff, viewer):
        for page in ("/account/audit", "/account/audit.csv", "/account/audit.jsonl"):
            assert browser.get(page).status_code == 403
        assert "/account/audit" not in browser.get("/account/profile").text
