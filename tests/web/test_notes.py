"""Notes: written by staff, read by everybody, kept as they were written."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.services.notes import LONGEST_NOTE
from app.storage.case_models import StaffNote
from app.storage.models import AuditEntry
from app.storage.transaction import reading
from tests.builders import a_recovery, a_subscription
from tests.conftest import MONDAY
from tests.web.pages import csrf_of, post

FRAGMENT = {"HX-Request": "true"}


def _kept() -> list[StaffNote]:
    with reading() as session:
        return list(session.scalars(select(StaffNote).order_by(StaffNote.id)))


def test_a_note_stands_in_both_stories_with_who_and_when(
    staff: FlaskClient, viewer: FlaskClient
) -> None:
    made = a_subscription()
    recovery = a_recovery(subscription_id=made.id)
    page = f"/recoveries/{recovery.id}"
    answer = post(staff, f"{page}/notes", page=page, text="Called.\r\nPays on Friday.")
    assert (answer.status_code, answer.location) == (303, page)
    for address in (page, f"/subscriptions/{made.stripe_subscription_id}"):
        told = viewer.get(address).text
        assert "Called.\nPays on Friday." in told
        assert "by <bdi>The staff</bdi>" in told
        assert "<textarea" not in told  # a viewer only reads
    (note,) = _kept()
    assert note.at == MONDAY


def test_a_note_about_a_subscription_is_seen_at_its_recoveries(
    staff: FlaskClient,
) -> None:
    made = a_subscription()
    recovery = a_recovery(subscription_id=made.id)
    other = a_recovery()
    page = f"/subscriptions/{made.stripe_subscription_id}"
    token = csrf_of(staff, page)
    data = {"csrf_token": token, "text": "A friend of the house."}
    answer = staff.post(f"{page}/notes", data=data, headers=FRAGMENT)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert "The note is kept." in answer.text
    assert "A friend of the house." in answer.text
    assert "A friend of the house." in staff.get(f"/recoveries/{recovery.id}").text
    assert "A friend of the house." not in staff.get(f"/recoveries/{other.id}").text


def test_the_audit_trail_knows_that_a_note_was_taken_but_not_what_it_says(
    staff: FlaskClient,
) -> None:
    recovery = a_recovery()
    page = f"/recoveries/{recovery.id}"
    post(staff, f"{page}/notes", page=page, text="He is in hospital.")
    with reading() as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.recovery_id) == ("recovery.note", recovery.id)
    assert entry.user_id is not None
    assert "hospital" not in entry.detail


@pytest.mark.parametrize(
    "text", ["", "  \n ", "\u202e\u2066", "x" * (LONGEST_NOTE + 1)]
)
def test_a_note_that_is_none_is_refused_and_what_was_written_stays(
    staff: FlaskClient, text: str
) -> None:
    page = f"/recoveries/{a_recovery().id}"
    token = csrf_of(staff, page)
    for headers in ({}, FRAGMENT):
        data = {"csrf_token": token, "text": text}
        answer = staff.post(f"{page}/notes", data=data, headers=headers)
        assert answer.status_code == 422
        assert 'id="note-fault"' in answer.text
        assert text.strip("\u202e\u2066 \n") in answer.text
    assert _kept() == []


def test_hostile_notes_are_only_text(staff: FlaskClient) -> None:
    page = f"/recoveries/{a_recovery().id}"
    hostile = "<script>alert(1)</script> \u202eevil {{ 7*7 }} ' OR 1=1"
    post(staff, f"{page}/notes", page=page, text=hostile)
    told = staff.get(page).text
    assert "<script>alert" not in told
    assert "&lt;script&gt;alert(1)&lt;/script&gt; evil {{ 7*7 }}" in told


def test_a_viewer_may_not_write_and_nobody_writes_about_nothing(
    viewer: FlaskClient, staff: FlaskClient
) -> None:
    recovery = a_recovery()
    token = csrf_of(viewer, "/account/profile")
    data = {"csrf_token": token, "text": "Hello"}
    assert viewer.post(f"/recoveries/{recovery.id}/notes", data=data).status_code == 403
    token = csrf_of(staff, "/account/profile")
    data = {"csrf_token": token, "text": "Hello"}
    for address in ("/recoveries/999/notes", "/subscriptions/sub_none/notes"):
        assert staff.post(address, data=data).status_code == 404
    assert _kept() == []
