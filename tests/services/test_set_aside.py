"""One invoice that Stripe never shows keeps no other waiting, whoever asks for it."""

from datetime import timedelta
from typing import Any

import pytest
import stripe
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app import current
from app.domain.account import ConnectionStatus, ImportStage
from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.services import imports, invoices, reconciler, restored, set_aside
from app.storage.connection_models import ImportRun, UnreadInvoice
from app.storage.models import Recovery, RetryAttempt, Subscription
from app.storage.transaction import reading, transaction
from tests.conftest import Browser, a_user, session_of
from tests.merchants import Merchant

FORBIDDEN = {
    "type": "invalid_request_error",
    "message": "Having the 'rak_invoice_read' permission would allow this request.",
}
FAULTS: dict[str, dict[str, Any]] = {
    "server error": {"status": 500},
    "no answer": {"do": "drop"},
    "forbidden": {"status": 403, "body": {"error": FORBIDDEN}},
    "refused": {"status": 400},
    "nonsense": {"status": 200, "body": {"object": "list"}},
}
every_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


@pytest.fixture(autouse=True)
def _no_waiting_between_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)


def hidden(merchant: Merchant, invoice: str, fault: dict[str, Any]) -> None:
    """Stripe never shows this one any more."""
    path = f"/v1/invoices/{invoice}"
    merchant.sandbox.fault(method="GET", path=path, times=10_000, **fault)


def shown_again(merchant: Merchant) -> None:
    merchant.sandbox.world.faults.clear()


def renewals(merchant: Merchant, count: int = 3) -> list[str]:
    """Refused renewals that we have not heard of, in the order of their ids."""
    people = [merchant.subscriber(default="insufficient_funds") for _ in range(count)]
    merchant.sandbox.advance(days=31, hours=2)
    customers = {person.customer for person in people}
    made = merchant.sandbox.ledger()
    return sorted(
        entry["invoice"]
        for entry in made
        if entry["customer"] in customers and not entry["ok"]
    )


def known() -> set[str]:
    with reading() as session:
        return set(session.scalars(select(Recovery.stripe_invoice_id)))


def the_row() -> UnreadInvoice:
    with reading() as session:
        return session.scalars(select(UnreadInvoice)).one()


def rows() -> list[UnreadInvoice]:
    with reading() as session:
        return list(session.scalars(select(UnreadInvoice)))


@every_fault
def test_it_stops_no_import_and_comes_in_later(
    merchant: Merchant, fault: dict[str, Any]
) -> None:
    bad, *good = renewals(merchant)
    hidden(merchant, bad, fault)
    with transaction() as session:
        imports.begin(session, merchant.account_id, now=merchant.now)
    imports.go_on(now=merchant.now)

    assert known() == set(good)
    with reading() as session:
        assert session.scalars(select(ImportRun)).one().stage is ImportStage.DONE
    assert merchant.account().status is ConnectionStatus.CONNECTED
    row = the_row()
    assert (row.stripe_invoice_id, row.tries) == (bad, 1)
    assert row.fault
    assert row.try_at == merchant.now + timedelta(minutes=1)

    shown_again(merchant)
    merchant.sandbox.advance(seconds=120)
    assert set_aside.look_again(now=merchant.now) == 1
    assert known() == {bad, *good}
    assert rows() == []


def test_it_is_asked_for_less_and_less_and_never_given_up(merchant: Merchant) -> None:
    bad = merchant.declined_renewal(default="insufficient_funds")
    hidden(merchant, bad, FAULTS["server error"])
    set_aside.look(merchant.account_id, bad, now=merchant.now)
    waits = []
    for _ in range(14):
        asked_at = the_row().try_at
        set_aside.look_again(now=asked_at - timedelta(seconds=1))
        assert the_row().try_at == asked_at
        set_aside.look_again(now=asked_at)
        waits.append(the_row().try_at - asked_at)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(minutes=2), timedelta(hours=6))


@every_fault
def test_it_stops_no_comparison(merchant: Merchant, fault: dict[str, Any]) -> None:
    bad, *good = renewals(merchant)
    hidden(merchant, bad, fault)
    assert reconciler.compare(merchant.account_id, now=merchant.now)
    assert known() == set(good)
    assert merchant.account().reconciled_at == merchant.now


def test_an_outage_sets_nothing_aside(merchant: Merchant) -> None:
    renewals(merchant)
    with transaction() as session:
        imports.begin(session, merchant.account_id, now=merchant.now)
    imports.step(now=merchant.now)
    merchant.sandbox.fault(path="/v1/*", times=10_000, status=503)
    imports.step(now=merchant.now)
    assert rows() == []
    with reading() as session:
        run = session.scalars(select(ImportRun)).one()
    assert (run.stage, run.tries) == (ImportStage.LOOKING, 1)


def test_the_page_tells_when_its_retry_is_made_after_all(merchant: Merchant) -> None:
    [bad] = renewals(merchant, 1)
    merchant.look(bad)
    hidden(merchant, bad, FAULTS["server error"])
    with transaction() as session:
        session.execute(update(RetryAttempt).values(due_at=merchant.now))
        session.execute(update(Subscription).values(next_retry_at=merchant.now))
    set_aside.look(merchant.account().id, bad, now=merchant.now)

    [attempt] = merchant.attempts(bad)
    assert attempt.due_at > merchant.now
    with reading() as session:
        [shown] = session.scalars(select(Subscription.next_retry_at))
    assert shown == attempt.due_at


@every_fault
def test_it_is_charged_by_no_retry_and_the_others_are(
    merchant: Merchant, fault: dict[str, Any]
) -> None:
    bad, good = renewals(merchant, 2)
    for invoice in (bad, good):
        merchant.look(invoice)
        customer = merchant.recovery(invoice).stripe_customer_id
        merchant.sandbox.script(customer, default="approve")
    hidden(merchant, bad, fault)
    merchant.sandbox.advance(days=1)
    with transaction() as session:
        due = merchant.now - timedelta(minutes=1)
        session.execute(update(RetryAttempt).values(due_at=due))
    held = 0
    for _ in range(120):  # an hour
        merchant.tick()
        set_aside.look_again(now=merchant.now)
        hold_until = merchant.account().hold_until
        held += bool(hold_until and hold_until > merchant.now)
        merchant.sandbox.advance(seconds=30)
    assert merchant.recovery(good).status is RecoveryStatus.RECOVERED
    assert merchant.account().status is ConnectionStatus.CONNECTED
    assert held <= 6
    assert len(merchant.charges(bad)) == 1

    shown_again(merchant)
    merchant.sandbox.advance(seconds=3900)
    for _ in range(3):
        set_aside.look_again(now=merchant.now)
        merchant.tick()
        merchant.sandbox.advance(seconds=120)
    assert merchant.recovery(bad).status is RecoveryStatus.RECOVERED
    assert len(merchant.charges(bad)) == 2


def test_it_holds_up_no_account_that_was_put_back_from_a_copy(
    merchant: Merchant,
) -> None:
    bad = merchant.declined_renewal("insufficient_funds", default="approve")
    good = merchant.declined_renewal("insufficient_funds", default="approve")
    hidden(merchant, bad, FAULTS["server error"])
    merchant.sandbox.advance(hours=7)
    with transaction() as session:
        restored.mark(session, now=merchant.now)
    for _ in range(3):
        merchant.sandbox.advance(seconds=60)
        restored.look_again(now=merchant.now)
    assert merchant.account().restored_at is None
    assert merchant.run_to_next_retry(good).status is AttemptStatus.SUCCEEDED
    assert len(merchant.charges(bad)) == 1


def test_what_any_look_has_read_is_set_aside_no_more(merchant: Merchant) -> None:
    bad = merchant.declined_renewal(default="insufficient_funds")
    hidden(merchant, bad, FAULTS["server error"])
    set_aside.look(merchant.account_id, bad, now=merchant.now)
    shown_again(merchant)
    assert not set_aside.look(merchant.account_id, bad, now=merchant.now)
    invoices.look(merchant.account_id, bad, now=merchant.now)
    assert rows() == []


def test_a_permission_that_the_key_lacks_is_told_to_the_owner(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    lacks = {**FORBIDDEN, "message": "Having the 'rak_credit_note_read' permission…"}
    merchant.sandbox.fault(
        path=f"/v1/invoices/{invoice}", times=99, status=403, body={"error": lacks}
    )
    merchant.run_to_next_retry(invoice)
    assert merchant.account().status is ConnectionStatus.TROUBLE
    assert "rak_credit_note_read" in (merchant.account().trouble or "")


def test_it_is_shown_to_the_owner(merchant: Merchant) -> None:
    bad = merchant.declined_renewal(default="insufficient_funds")
    hidden(merchant, bad, FAULTS["server error"])
    set_aside.look(merchant.account_id, bad, now=merchant.now)
    page = an_owner(merchant).get("/account/payment-processor").text
    assert "Stripe does not show 1 invoice" in page
    assert bad in page
    assert "An unknown error occurred." in page


def an_owner(merchant: Merchant) -> FlaskClient:
    merchant.app.test_client_class = Browser
    client = merchant.app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = session_of(a_user(), now=current.wall())
    return client


def test_connecting_anew_asks_for_everything_anew(merchant: Merchant) -> None:
    bad = merchant.declined_renewal(default="insufficient_funds")
    hidden(merchant, bad, FAULTS["server error"])
    set_aside.look(merchant.account_id, bad, now=merchant.now)
    with transaction() as session:
        imports.begin(session, merchant.account_id, now=merchant.now)
    assert rows() == []
