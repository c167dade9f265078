"""Bulk actions on pages: who sees them, what a preview says, odd forms, no script."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app.domain.people import Role
from app.domain.recovery import RecoveryStatus
from app.services import bulk_work, fees
from app.storage.bulk_models import BulkJob
from app.storage.connection_models import AccountAccess
from app.storage.models import Recovery
from app.storage.transaction import reading, transaction
from tests.builders import a_account, a_decline, a_recovery, a_subscription, the_account
from tests.conftest import MONDAY, SignIn, a_user
from tests.web.pages import post

LIST = "/subscriptions"


@pytest.fixture(autouse=True)
def _no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is: what can be done while one waits, is."""
    monkeypatch.setattr("app.web.bulk.MEANWHILE", 60)


def _choose(client: FlaskClient, action: str, **fields: object) -> str:
    """The address of the preview."""
    answer = post(client, "/bulk", page=LIST, action=action, **fields)
    assert answer.status_code == 303
    return answer.headers["Location"]


def _statuses() -> list[RecoveryStatus]:
    with reading() as session:
        return list(session.scalars(select(Recovery.status).order_by(Recovery.id)))


def test_staff_pause_what_they_ticked_after_a_preview(staff: FlaskClient) -> None:
    first = a_recovery()
    a_recovery()
    preview = _choose(staff, "pause", id=[first.subscription_id])
    page = staff.get(preview).text
    assert "Pause 1 recovery?" in page
    assert "nothing is charged until a person resumes them" in page
    assert "At stake: 19.00 EUR" in page
    assert _statuses() == [RecoveryStatus.IN_RETRY] * 2
    answer = post(staff, f"{preview}/confirm", page=preview)
    assert answer.headers["Location"] == preview
    assert "1 recovery paused" in staff.get(preview).text
    assert _statuses() == [RecoveryStatus.PAUSED, RecoveryStatus.IN_RETRY]
    assert preview in staff.get("/bulk").text


def test_all_that_the_filter_shows_is_taken_on_every_page(staff: FlaskClient) -> None:
    for n in range(55):
        made = a_subscription(plan="Gold", status="past_due", customer_name=f"N{n}")
        a_recovery(subscription_id=made.id)
    a_recovery()  # of a subscription that is active
    preview = _choose(staff, "stop", all="1", query="status=past_due")
    assert "Stop 55 recoveries?" in staff.get(preview).text
    post(staff, f"{preview}/confirm", page=preview, reason="  plan\n withdrawn ")
    page = staff.get(preview).text
    assert "55 recoveries stopped" in page
    assert 'rel="next"' in page  # fifty of them are listed on a page
    assert _statuses().count(RecoveryStatus.STOPPED) == 55


def test_a_preview_of_retries_says_what_the_networks_bill(staff: FlaskClient) -> None:
    account = the_account()
    fees.set_budget(account.id, 0, user_id=a_user(email="x@x.example").id, now=MONDAY)
    recovery = a_recovery()
    # A Visa card that was refused for good: each further charge is billed.
    a_decline(
        recovery_id=recovery.id,
        network_decline_code="61",
        occurred_at=MONDAY - timedelta(days=3),
    )
    preview = _choose(staff, "retry", id=[recovery.subscription_id])
    page = staff.get(preview).text
    assert "Network fees: none expected for these retries" in page
    assert "This month: 0.00 USD of 0.00 USD" in page


def test_progress_asks_for_itself_until_there_is_no_more_work(
    staff: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.bulk.MEANWHILE", 0)
    for _ in range(25):
        a_recovery()
    preview = _choose(staff, "pause", all="1", query="")
    page = staff.get(preview).text
    assert "Looked at 10 of 25 recoveries" in page
    assert 'hx-trigger="every 2s"' in page
    assert 'http-equiv="refresh"' in page  # without script
    bulk_work.go_on(now=MONDAY)
    page = staff.get(preview).text
    assert "every 2s" not in page
    assert "refresh" not in page
    post(staff, f"{preview}/confirm", page=preview)
    fragment = staff.get(preview, headers={"HX-Request": "true"}).text
    assert "<html" not in fragment
    assert "Worked through 10 of 25 recoveries" in fragment
    post(staff, f"{preview}/cancel", page=preview)
    page = staff.get(preview).text
    assert "10 recoveries paused, 15 left out. Called off by The staff." in page


def test_a_viewer_sees_no_button_and_may_do_nothing(
    staff: FlaskClient, viewer: FlaskClient
) -> None:
    recovery = a_recovery()
    preview = _choose(staff, "stop", id=[recovery.subscription_id])
    page = viewer.get(LIST).text
    assert 'id="bulk"' not in page
    assert 'name="id"' not in page
    assert viewer.get(preview).status_code == 403
    for address in ("/bulk", f"{preview}/confirm", f"{preview}/cancel"):
        answer = post(viewer, address, page="/account/profile", action="stop", all="1")
        assert answer.status_code == 403
    assert _statuses() == [RecoveryStatus.IN_RETRY]


def test_a_member_of_one_account_acts_on_no_other(sign_in: SignIn) -> None:
    mine, other = a_account(), a_account()
    hidden = a_recovery(account_id=other.id)
    user = a_user(Role.STAFF, sees_all_accounts=False)
    with transaction() as session:
        session.add(AccountAccess(user_id=user.id, account_id=mine.id))
    client = sign_in(user)
    by_owner = _choose(sign_in(a_user()), "stop", id=[hidden.subscription_id])
    assert client.get(by_owner).status_code == 404
    assert post(client, f"{by_owner}/cancel", page=LIST).status_code == 404
    for fields in ({"id": [hidden.subscription_id]}, {"all": "1", "query": ""}):
        preview = _choose(client, "stop", **fields)
        assert "There is nothing to do" in client.get(preview).text
    foreign = post(
        client, "/bulk", page=LIST, action="stop", all="1", query=f"account={other.id}"
    )
    assert foreign.headers["Location"].startswith(LIST)  # no account they know


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "Tick the subscriptions"),
        ({"id": ["x", "-1", "9" * 400, "", "²"]}, "Tick the subscriptions"),
        ({"id": [str(n) for n in range(1, 600)]}, "Tick at most 500"),
        ({"all": "1", "query": "lifecycle=odd"}, "is no lifecycle we know"),
        ({"all": "1", "query": "from=never&q=" + "x" * 9000}, "is no day of ours"),
    ],
)
def test_an_odd_choice_leads_back_to_the_list_with_a_sentence(
    staff: FlaskClient, fields: dict[str, object], sentence: str
) -> None:
    a_recovery()
    answer = post(staff, "/bulk", page=LIST, action="stop", **fields)
    assert answer.status_code == 303
    assert sentence in staff.get(answer.headers["Location"]).text
    with reading() as session:
        assert session.scalars(select(BulkJob)).all() == []


def test_odd_actions_and_unknown_jobs_are_refused_clearly(staff: FlaskClient) -> None:
    assert post(staff, "/bulk", page=LIST, action="explode").status_code == 422
    assert post(staff, "/bulk", page=LIST).status_code == 422
    for address in ("/bulk/999", "/bulk/99999999999999999999999"):
        assert staff.get(address).status_code == 404
        assert post(staff, f"{address}/confirm", page=LIST).status_code == 404
    recovery = a_recovery()
    preview = _choose(staff, "pause", id=[recovery.subscription_id])
    assert staff.get(f"{preview}?page=tampered").status_code == 200


def test_another_persons_work_is_told_on_the_preview(sign_in: SignIn) -> None:
    ann = sign_in(a_user(Role.STAFF, name="Ann", email="ann@x.example"))
    ben = sign_in(a_user(Role.STAFF, name="Ben", email="ben@x.example"))
    for _ in range(30):
        a_recovery()
    hers = _choose(ann, "retry", all="1", query="")
    bulk_work.go_on(now=MONDAY)
    post(ann, f"{hers}/confirm", page=hers)
    his = ben.get(_choose(ben, "pause", all="1", query="")).text
    assert re.search(r"<bdi>Ann</bdi> has another bulk action under way", his)
    told = post(ben, f"{hers}/confirm", page=LIST)
    assert told.status_code == 303
    assert "Only Ann, who chose these, may confirm" in ben.get(hers).text


def test_a_list_of_fifty_with_its_boxes_is_still_light(staff: FlaskClient) -> None:
    for n in range(60):
        made = a_subscription(customer_name=f"A Customer of Quite Usual Length {n}")
        a_recovery(subscription_id=made.id)
    page = staff.get(LIST)
    assert page.text.count('name="id"') == 50
    assert len(page.data) < 60_000
