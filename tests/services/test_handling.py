"""Handling stored events against the sandbox: the looks, and what comes of them."""

from datetime import timedelta
from typing import Any

import pytest
import stripe
from sqlalchemy import text, update

from app import current, ticking
from app.domain.account import ConnectionStatus, EventStatus
from app.domain.declines import MadeBy
from app.domain.recovery import RecoveryStatus
from app.sandbox.founding import MERCHANT_KEY
from app.services import events
from app.services.handling import handle_pending
from app.services.troubles import clear_trouble
from app.storage.models import StripeAccount, StripeEvent
from app.storage.transaction import transaction
from tests.builders import a_account, a_recovery
from tests.merchants import Merchant
from tests.storage.test_line import until
from tests.stripe_events import a_kept_event, an_event, keep_events, the_event

RENEWAL = {"subscription": "sub_1", "attempt_count": 1}


@pytest.fixture(autouse=True)
def _no_waiting_between_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)


def handle(merchant: Merchant) -> int:
    return handle_pending(now=merchant.now)


def calls(merchant: Merchant, path: str = "") -> int:
    """How often the sandbox was asked for addresses with `path` in them."""
    recent: list[dict[str, Any]] = merchant.sandbox.calls()["recent"]
    return sum(path in call["path"] for call in recent)


def failed(merchant: Merchant, invoice_id: str, **over: Any) -> StripeEvent:
    return a_kept_event(
        merchant.account_id, object={"id": invoice_id, **RENEWAL}, **over
    )


def withdrawn(merchant: Merchant) -> StripeEvent:
    return a_kept_event(
        merchant.account_id,
        type="account.application.deauthorized",
        object={"id": "ca_1", "object": "application"},
    )


def renewed(merchant: Merchant, *answers: Any, default: Any = None) -> str:
    """A refused renewal that we have not heard of yet."""
    return merchant.renew(merchant.subscriber(*answers, default=default))


def test_a_failed_renewal_is_looked_at_and_its_recovery_begins(
    merchant: Merchant,
) -> None:
    invoice = renewed(merchant, "insufficient_funds")
    event = failed(merchant, invoice)
    assert handle(merchant) == 1
    assert merchant.recovery(invoice).status is RecoveryStatus.IN_RETRY
    event = the_event(event)
    assert (event.status, event.handled_at) == (EventStatus.HANDLED, merchant.now)


def test_events_about_one_object_share_one_look(merchant: Merchant) -> None:
    invoice = renewed(merchant, "insufficient_funds")
    before = calls(merchant, f"invoices/{invoice}")
    rows = [
        failed(merchant, invoice, type=type)
        for type in ("invoice.updated", "invoice.payment_failed", "invoice.paid")
        for _ in range(5)
    ]
    assert handle(merchant) == 15
    assert calls(merchant, f"invoices/{invoice}") == before + 1
    assert {the_event(row).status for row in rows} == {EventStatus.HANDLED}


def test_the_state_at_stripe_counts_and_not_the_event(merchant: Merchant) -> None:
    invoice = renewed(merchant, "insufficient_funds", default="approve")
    merchant.api("POST", f"/v1/invoices/{invoice}/pay")
    failed(merchant, invoice)  # old news: it has been paid since
    handle(merchant)
    assert merchant.planned(invoice) is None


def test_one_object_that_stripe_never_shows_costs_less_and_less(
    merchant: Merchant,
) -> None:
    good, bad = renewed(merchant, "insufficient_funds"), "in_alwaysBroken"
    merchant.sandbox.fault(
        method="GET", path=f"/v1/invoices/{bad}", status=500, times=1000
    )
    event = failed(merchant, bad)
    held = 0
    for _ in range(80):  # some forty minutes
        handle(merchant)
        hold_until = merchant.account().hold_until
        held += bool(hold_until and hold_until > merchant.now)
        merchant.sandbox.advance(seconds=31)

    kept = the_event(event)
    assert kept.status is EventStatus.PENDING
    assert 4 <= kept.tries <= 7
    assert held == 0  # the others go on beside it
    failed(merchant, good)
    handle(merchant)
    assert merchant.recovery(good).status is RecoveryStatus.IN_RETRY


def test_after_a_long_outage_every_event_is_handled_within_a_minute(
    merchant: Merchant,
) -> None:
    invoice = renewed(merchant, "insufficient_funds")
    rows = [failed(merchant, f"in_{n}") for n in range(30)]
    rows.append(failed(merchant, invoice))
    merchant.sandbox.fault(path="/v1/*", status=503, times=100_000)
    for _ in range(60):  # half an hour
        handle(merchant)
        merchant.sandbox.advance(seconds=31)
    merchant.sandbox.world.faults.clear()
    handle(merchant)
    assert {the_event(row).status for row in rows} == {EventStatus.HANDLED}
    assert merchant.recovery(invoice).status is RecoveryStatus.IN_RETRY


def test_one_object_that_the_key_may_not_read_pauses_nobody(
    merchant: Merchant,
) -> None:
    bad = "in_forbidden"
    said = "Having the 'rak_invoice_read' permission would allow this request."
    error = {"type": "invalid_request_error", "message": said}
    merchant.sandbox.fault(
        path=f"/v1/invoices/{bad}", status=403, times=99, body={"error": error}
    )
    event = failed(merchant, bad)
    handle(merchant)
    assert merchant.account().status is ConnectionStatus.CONNECTED
    kept = the_event(event)
    assert (kept.status, kept.note) == (EventStatus.PENDING, said)


def test_an_event_about_something_stripe_does_not_show_is_handled(
    merchant: Merchant,
) -> None:
    rows = [
        failed(merchant, "in_unknown"),
        failed(merchant, "../accounts"),
        a_kept_event(
            merchant.account_id,
            type="customer.subscription.deleted",
            object={"id": "sub_unknown"},
        ),
        a_kept_event(
            merchant.account_id, type="charge.failed", object={"id": "ch_unknown"}
        ),
    ]
    handle(merchant)
    assert {the_event(row).status for row in rows} == {EventStatus.HANDLED}


def test_what_concerns_nothing_of_ours_costs_no_call(merchant: Merchant) -> None:
    before = calls(merchant)
    rows = [
        a_kept_event(
            merchant.account_id,
            type="invoice.paid",
            object={"billing_reason": "manual"},
        ),
        a_kept_event(
            merchant.account_id, type="customer.updated", object={"object": "customer"}
        ),
        a_kept_event(
            merchant.account_id,
            type="payment_method.attached",
            object={"object": "payment_method", "customer": "cus_healthy"},
        ),
    ]
    assert handle(merchant) == 3
    assert calls(merchant) == before
    assert all(the_event(row).note for row in rows)


def test_a_new_card_is_looked_at_for_the_customers_recoveries(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds")
    before = calls(merchant, f"invoices/{invoice}")
    customer = merchant.recovery(invoice).stripe_customer_id
    a_kept_event(
        merchant.account_id,
        type="payment_method.attached",
        object={"object": "payment_method", "id": "pm_1", "customer": customer},
    )
    handle(merchant)
    assert calls(merchant, f"invoices/{invoice}") > before


def test_staffs_own_charge_is_told_apart_from_ours(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    merchant.api("POST", f"/v1/invoices/{invoice}/pay")
    failed(merchant, invoice, request={"id": "req_1", "idempotency_key": "theirs"})
    handle(merchant)
    made_by = [decline.made_by for decline in merchant.declines(invoice)]
    assert made_by == [MadeBy.FIRST, MadeBy.STAFF]


def test_a_look_that_fails_is_kept_with_its_error_and_stops_nobody(
    merchant: Merchant,
) -> None:
    bad, good = renewed(merchant, "insufficient_funds"), ""
    good = renewed(merchant, "insufficient_funds")
    merchant.sandbox.fault(
        path=f"/v1/invoices/{bad}",
        status=400,
        body={"error": {"type": "invalid_request_error", "message": "No. rk_test_x"}},
    )
    failing, fine = failed(merchant, bad), failed(merchant, good)
    assert handle(merchant) == 1
    assert the_event(fine).status is EventStatus.HANDLED
    kept = the_event(failing)
    assert (kept.status, kept.tries) == (EventStatus.PENDING, 1)
    assert kept.note == "No. [secret]"
    assert kept.try_at == merchant.now + timedelta(minutes=1)

    merchant.sandbox.advance(seconds=60)
    handle(merchant)
    kept = the_event(failing)
    assert (kept.status, kept.note) == (EventStatus.HANDLED, None)


def test_a_look_that_keeps_failing_is_never_given_up(merchant: Merchant) -> None:
    event = failed(merchant, "in_1")
    with transaction() as session:
        session.execute(update(StripeEvent).values(tries=500))
    merchant.sandbox.fault(path="/v1/invoices/in_1", status=400)
    handle(merchant)
    kept = the_event(event)
    assert (kept.status, kept.tries) == (EventStatus.PENDING, 501)
    assert kept.try_at == merchant.now + timedelta(hours=6)


def test_a_fault_of_ours_shows_no_data_in_its_note(
    merchant: Merchant, caplog: pytest.LogCaptureFixture
) -> None:
    invoice = renewed(merchant, "insufficient_funds")
    a_recovery(account_id=merchant.account_id, currency="usd")
    with transaction() as session:
        session.execute(text("CREATE UNIQUE INDEX broken ON recovery (currency)"))
    event = failed(merchant, invoice)
    handle(merchant)
    kept = the_event(event)
    assert kept.status is EventStatus.PENDING
    assert kept.note == "a fault of ours (IntegrityError); the log has it whole"
    assert "unique constraint" in caplog.text.lower()


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ({"status": 500, "times": 9}, 30),
        ({"do": "drop", "times": 9}, 30),
        ({"status": 429, "times": 9}, 5),
    ],
    ids=["server errors", "no answer", "too fast"],
)
def test_an_account_that_gets_no_answer_rests_and_holds_up_nobody_else(
    merchant: Merchant, fault: dict[str, Any], seconds: int
) -> None:
    other = a_account(sealed_api_key=current.vault().encrypt(MERCHANT_KEY))
    for path in ("/v1/invoices/in_held", "/v1/invoices"):
        merchant.sandbox.fault(path=path, **fault)
    held = failed(merchant, "in_held")
    free = a_kept_event(other.id, object={"id": "in_free", **RENEWAL})
    handle(merchant)
    assert the_event(free).status is EventStatus.HANDLED
    assert the_event(held).status is EventStatus.PENDING
    until = merchant.now + timedelta(seconds=seconds)
    assert merchant.account().hold_until == the_event(held).try_at == until

    before = calls(merchant)
    assert handle(merchant) == 0  # it is left alone meanwhile
    assert calls(merchant) == before


def test_a_refused_key_keeps_every_event_until_it_is_mended(
    merchant: Merchant,
) -> None:
    merchant.sandbox.key(MERCHANT_KEY, expired=True)
    rows = [failed(merchant, f"in_{n}") for n in range(40)]
    handle(merchant)
    assert merchant.account().status is ConnectionStatus.TROUBLE
    assert merchant.account().trouble
    assert {the_event(row).status for row in rows} == {EventStatus.PENDING}

    merchant.sandbox.key(MERCHANT_KEY, expired=False)
    clear_trouble(merchant.account_id, now=merchant.now)
    merchant.sandbox.advance(hours=1)
    assert handle(merchant) == 40


@pytest.mark.parametrize("status", ["trouble", "disconnected"])
def test_events_of_an_account_that_cannot_be_asked_stay(
    merchant: Merchant, status: str
) -> None:
    event = failed(merchant, "in_1")
    with transaction() as session:
        session.execute(update(StripeAccount).values(status=status))
    assert handle(merchant) == 0
    assert the_event(event).status is EventStatus.PENDING


def test_what_happens_is_followed_while_the_switch_is_off(merchant: Merchant) -> None:
    invoice = renewed(merchant, "insufficient_funds")
    failed(merchant, invoice)
    with transaction() as session:
        session.execute(update(StripeAccount).values(is_on=False))
    assert handle(merchant) == 1
    assert len(merchant.declines(invoice)) == 1


def test_when_the_merchant_withdraws_access_the_account_is_left(
    merchant: Merchant,
) -> None:
    merchant.sandbox.key(MERCHANT_KEY, expired=True)
    event = withdrawn(merchant)
    handle(merchant)
    assert merchant.account().status is ConnectionStatus.DISCONNECTED
    assert the_event(event).status is EventStatus.HANDLED


def test_late_news_of_access_that_was_given_anew_stops_nothing(
    merchant: Merchant,
) -> None:
    invoice = renewed(merchant, "insufficient_funds", default="approve")
    failed(merchant, invoice)
    handle(merchant)
    event = withdrawn(merchant)
    handle(merchant)
    assert the_event(event).status is EventStatus.HANDLED
    assert (merchant.account().status, merchant.account().is_on) == ("connected", True)
    assert merchant.planned(invoice) is not None


def test_without_an_answer_nobody_knows_whether_access_was_withdrawn(
    merchant: Merchant,
) -> None:
    merchant.sandbox.fault(method="GET", path="/v1/account", status=500, times=3)
    event = withdrawn(merchant)
    handle(merchant)
    assert the_event(event).status is EventStatus.PENDING
    assert merchant.account().status is ConnectionStatus.CONNECTED


def test_many_events_are_handled_whatever_their_number(merchant: Merchant) -> None:
    keep_events(
        merchant.account_id,
        [an_event("invoice.paid", object={"id": f"in_{n}"}) for n in range(1_200)],
    )
    assert handle(merchant) == 1_200


def test_stopping_writes_down_what_was_being_looked_at(merchant: Merchant) -> None:
    invoice = renewed(merchant, "insufficient_funds")
    path = f"/v1/invoices/{invoice}"
    merchant.sandbox.fault(path=path, do="delay", seconds=0.3)
    event = failed(merchant, invoice)
    work = ticking.Ticking(merchant.app)
    work.start()
    until(lambda: calls(merchant, path) > 0)
    assert work.stop(within=10)
    assert the_event(event).status is EventStatus.HANDLED


def test_an_operator_replays_an_event(merchant: Merchant) -> None:
    event = failed(merchant, renewed(merchant, "insufficient_funds"))
    handle(merchant)
    events.replay(event.id, user_id=None, now=merchant.now)
    assert the_event(event).status is EventStatus.PENDING
    assert handle(merchant) == 1


def test_an_event_that_was_nobodys_is_replayed_once_its_account_is_here(
    merchant: Merchant,
) -> None:
    a_recovery(account_id=merchant.account_id)
    event = a_kept_event(None, account="acct_later")
    with pytest.raises(events.CannotReplay, match="no account"):
        events.replay(event.id, user_id=None, now=merchant.now)
    later = a_account(stripe_account_id="acct_later")
    events.replay(event.id, user_id=None, now=merchant.now)
    assert the_event(event).account_id == later.id
