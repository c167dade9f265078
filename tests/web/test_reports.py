"""The report: a PDF whose words are those of the dashboard, and no customer's."""

import io
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader

from app.domain.people import Role
from app.domain.recovery import AttemptStatus, RecoveryStatus
from tests.builders import a_account, a_decline, a_recovery, a_subscription, an_attempt
from tests.conftest import MONDAY, SignIn, a_user

PDF = "/reports/recovered.pdf"


def _read(client: FlaskClient, address: str = PDF) -> tuple[str, int]:
    """The text of the report, and how many pages it has."""
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.mimetype == "application/pdf"
    pages = PdfReader(io.BytesIO(answer.data)).pages
    text = "\n".join(page.extract_text() for page in pages)
    return " ".join(text.split()), len(pages)


def _a_month(**over: Any) -> None:
    made = a_subscription(customer_name="Ann Secret", customer_email="ann@x.example")
    a_recovery(
        amount=1234,
        status=RecoveryStatus.RECOVERED,
        recovered_amount=1234,
        retries=2,
        ended_at=MONDAY,
        subscription_id=made.id,
        **over,
    )
    a_recovery(amount=4321, status=RecoveryStatus.TERMINATED, ended_at=MONDAY)
    a_recovery(amount=77_700)
    a_decline(decline_code="do_not_honor")
    an_attempt(status=AttemptStatus.SUCCEEDED, started_at=MONDAY, number=2)


def test_the_report_says_what_the_dashboard_says(sign_in: SignIn) -> None:
    _a_month()
    viewer = sign_in(a_user(Role.VIEWER, timezone="Asia/Tokyo"))
    text, pages = _read(viewer, f"{PDF}?period=7d")
    for told in (
        "Recovered payments",
        "27 Oct 2026 to 2 Nov 2026",
        "Tea & Sons (acct_", "test mode",
        "Made Mon 2 Nov 2026, 18:00:00 JST, in the time zone Asia/Tokyo",
        "Days are whole days in UTC",
        "In EUR", "Recovered 12.34 EUR 1", "Lost 43.21 EUR 1",
        "still open",
        "do_not_honor", "Retry 2", "Approved, by weekday", "Monday",
        f"Page {pages}",
    ):  # fmt: skip
        assert told in text, told
    page = viewer.get("/?period=7d").text
    assert "12.34 EUR" in page
    assert f'href="{PDF}?period=7d"' in page


def test_no_customer_stands_in_it(viewer: FlaskClient) -> None:
    _a_month()
    text, _ = _read(viewer)
    assert "Ann" not in text
    assert "ann@" not in text
    assert "cus_" not in text


def test_it_is_named_for_its_days_and_kept_nowhere(viewer: FlaskClient) -> None:
    answer = viewer.get(f"{PDF}?period=last-month")
    named = answer.headers["Content-Disposition"]
    assert named == 'attachment; filename="recovered-2026-10-01-to-2026-10-31.pdf"'
    assert answer.headers["Cache-Control"] == "no-store"


def test_names_that_the_fonts_cannot_spell_give_way_to_the_id(
    viewer: FlaskClient,
) -> None:
    for name in ("茶屋", "<b>&amp;</b>", "Café \u202eevil", "\U0001f9ff"):
        a_account(name=name, stripe_account_id=f"acct_of_{len(name)}")
    a_decline(decline_code="<para>\u202e茶")
    text, _ = _read(viewer)
    assert "acct_of_2, test mode" in text
    assert "<b>&amp;</b> (acct_of_12)" in text
    assert "Café" not in text


def test_only_the_accounts_in_sight_are_told(sign_in: SignIn) -> None:
    mine, other = a_account(name="Mine"), a_account(name="Other")
    ended = {"status": RecoveryStatus.TERMINATED, "ended_at": MONDAY}
    a_recovery(account_id=mine.id, amount=1111, **ended)
    a_recovery(account_id=other.id, amount=2222, **ended)
    owner = sign_in(a_user(Role.OWNER))
    text, _ = _read(owner, f"{PDF}?account={mine.id}")
    assert "Mine" in text
    assert "11.11 EUR" in text
    assert "Other" not in text
    assert "33.33" not in text
    restricted = sign_in(
        a_user(Role.VIEWER, email="v@example.com", sees_all_accounts=False)
    )
    text, _ = _read(restricted)
    assert "acct_" not in text
    assert "No renewal was declined." in text


@pytest.mark.parametrize("query", ["period=forever", "account=999", "period=%00x"])
def test_what_was_not_understood_is_refused(viewer: FlaskClient, query: str) -> None:
    assert viewer.get(f"{PDF}?{query}").status_code in (400, 422)


def test_a_long_table_goes_on_with_its_head_on_the_next_page(
    viewer: FlaskClient,
) -> None:
    for n in range(30):
        a_recovery(
            status=RecoveryStatus.TERMINATED,
            currency="usd" if n % 2 else "eur",
            started_at=MONDAY - timedelta(days=40 * n),
            ended_at=MONDAY - timedelta(days=40 * n),
        )
    text, pages = _read(viewer, f"{PDF}?period=all")
    assert pages > 2
    assert "All time, until 2 Nov 2026" in text
    assert "Nov 2023" in text
