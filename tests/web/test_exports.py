"""The exports: promised columns, plain values, the same filters, nothing for Excel."""

import csv
import io
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from app.domain.declines import DeclineKind
from app.domain.lifecycle import Lifecycle
from app.domain.recovery import AttemptStatus
from tests.builders import a_decline, a_recovery, a_subscription, an_attempt
from tests.conftest import MONDAY

PROMISED = {
    "/subscriptions.csv": "subscription customer email status lifecycle amount "
    "currency declines attempts next_retry_at recovered_amount",
    "/declines.csv": "occurred_at invoice subscription customer amount currency "
    "decline_code advice_code network_decline_code network_advice_code kind brand "
    "funding country attempt made_by charge",
    "/attempts.csv": "invoice subscription number strategy status due_at started_at "
    "finished_at outcome decline_code reason idempotency_key",
}


def _rows(client: FlaskClient, address: str) -> list[dict[str, str]]:
    answer = client.get(address)
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.mark.parametrize("address", PROMISED)
def test_an_empty_export_has_the_promised_header(
    viewer: FlaskClient, address: str
) -> None:
    answer = viewer.get(address)
    header = answer.text.splitlines()[0].split(",")
    promised = PROMISED[address].split()
    assert header[: len(promised)] == promised
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")


def test_subscriptions_are_exported_with_minor_units_and_utc_times(
    viewer: FlaskClient,
) -> None:
    made = a_subscription(
        amount=1900, lifecycle=Lifecycle.IN_RETRY, declines=2, next_retry_at=MONDAY
    )
    (row,) = _rows(viewer, "/subscriptions.csv")
    assert row["subscription"] == made.stripe_subscription_id
    assert row["customer"] == made.stripe_customer_id
    assert (row["amount"], row["currency"]) == ("1900", "eur")
    assert row["lifecycle"] == "in_retry"
    assert row["next_retry_at"] == "2026-11-02T09:00:00Z"


def test_declines_are_exported_with_who_made_them(viewer: FlaskClient) -> None:
    recovery = a_recovery()
    attempt = an_attempt(recovery_id=recovery.id, number=3)
    made = a_decline(
        recovery_id=recovery.id, attempt_id=attempt.id, made_by="metricsco"
    )
    (row,) = _rows(viewer, "/declines.csv")
    assert row["attempt"] == "3"
    assert row["made_by"] == "metricsco"
    assert row["charge"] == made.stripe_charge_id
    assert row["invoice"] == recovery.stripe_invoice_id


def test_attempts_are_exported_with_stable_words(viewer: FlaskClient) -> None:
    an_attempt(status=AttemptStatus.DECLINED, started_at=MONDAY, decline_code="x")
    (row,) = _rows(viewer, "/attempts.csv")
    assert row["status"] == "declined"
    assert row["started_at"] == "2026-11-02T09:00:00Z"
    assert row["finished_at"] == ""


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(viewer: FlaskClient, start: str) -> None:
    a_subscription(
        customer_name=f"{start}cmd|' /C calc'!A0", customer_email=f"{start}x"
    )
    (row,) = _rows(viewer, "/subscriptions.csv")
    for cell in (row["customer_name"], row["email"]):
        assert cell.startswith("'")


def test_a_name_with_a_line_break_and_quotes_stays_one_cell(
    viewer: FlaskClient,
) -> None:
    name = 'a "quoted", name\nwith ünïcode 👩'
    a_subscription(customer_name=name)
    (row,) = _rows(viewer, "/subscriptions.csv")
    assert row["customer_name"] == name


def test_an_export_has_what_the_filters_show(viewer: FlaskClient) -> None:
    a_decline(kind=DeclineKind.HARD, decline_code="stolen_card")
    a_decline()
    (row,) = _rows(viewer, "/declines.csv?kind=hard")
    assert row["decline_code"] == "stolen_card"
    assert _rows(viewer, "/declines.csv?code=expired_card") == []
    an_attempt()
    assert _rows(viewer, "/attempts.csv?status=declined") == []
    assert len(_rows(viewer, "/attempts.csv?status=scheduled&from=2026-11-05")) == 1


def test_an_export_never_leaves_a_filter_out_in_silence(viewer: FlaskClient) -> None:
    a_decline()
    answer = viewer.get("/declines.csv?kind=bogus")
    assert answer.status_code == 422
    assert "bogus" in answer.text


def test_an_export_is_sent_in_pieces(
    viewer: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.storage.listings.listing.CHUNK", 2)
    for _ in range(5):
        a_subscription()
    pieces: Iterator[bytes] = iter(viewer.get("/subscriptions.csv").response)  # type: ignore[arg-type]
    assert [piece.count(b"sub_") for piece in pieces] == [0, 2, 2, 1]
