"""Two things at once about one recovery, whichever of them is written first."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from app.domain.looks import Look
from app.domain.recovery import AttemptStatus, ClosedAs, PauseCause, RecoveryStatus
from app.sandbox.founding import MERCHANT_KEY
from app.services import (
    accounts,
    invoices,
    leaving,
    recoveries,
    rescue,
    set_aside,
    strategy_changes,
    sweeping,
)
from app.services.charging import charge
from app.services.connections import gateway_of
from app.services.handling import handle_pending
from app.storage.claims import Claim, claim_due, may_be_charged
from app.storage.locks import lock_recoveries
from app.storage.models import Recovery
from app.storage.transaction import reading, transaction
from tests.builders import a_user
from tests.merchants import Merchant
from tests.services.test_retry_races import (
    charged,
    claimed,
    recorded,
    subscription_of,
)
from tests.stripe_events import a_kept_event

JOINED_WITHIN = 20


def in_a_thread(merchant: Merchant, do: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        with merchant.app.app_context():
            do()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def to_its_time(merchant: Merchant, invoice: str) -> None:
    due_at = merchant.attempts(invoice)[0].due_at + timedelta(minutes=1)
    merchant.sandbox.advance(to=due_at.isoformat())


def act(merchant: Merchant, invoice: str, what: str) -> None:
    """What a person does about the recovery; refused while it is being charged."""
    recovery, user = merchant.recovery(invoice), a_user(name="Mia")
    now = merchant.now
    if what == "pause":
        recoveries.pause(recovery.id, user_id=user.id, now=now)
    elif what == "retry now":
        recoveries.bring_forward(recovery.id, user_id=user.id, now=now)
    else:
        name = "fixed-ladder"
        strategy_changes.change(recovery.id, name, user_id=user.id, now=now)


@pytest.mark.parametrize("what", ["pause", "retry now", "strategy"])
def test_who_acts_while_a_claim_is_written_is_told_that_it_is_charged(
    merchant: Merchant, what: str
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    to_its_time(merchant, invoice)
    a_user()
    refused: list[str] = []

    def do() -> None:
        try:
            act(merchant, invoice, what)
        except recoveries.ActionRefused as reason:
            refused.append(str(reason))

    with transaction() as session:
        [claim] = claim_due(
            session, account_id=merchant.account_id, now=merchant.now, limit=5
        )
        thread = in_a_thread(merchant, do)
        thread.join(0.3)  # it waits for us, or has not begun: the same to it
    thread.join(JOINED_WITHIN)

    assert refused == ["A charge is under way at this moment."]
    attempt = recorded(merchant, claim, charged(merchant, claim))
    assert attempt.status is AttemptStatus.SUCCEEDED
    assert len(merchant.charges(invoice)) == 2


@pytest.mark.parametrize("what", ["pause", "stop"])
def test_nothing_is_claimed_that_a_person_is_ending(
    merchant: Merchant, what: str
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    to_its_time(merchant, invoice)
    recovery, user, now = merchant.recovery(invoice), a_user(), merchant.now
    claims: list[Claim] = []

    def claim() -> None:
        with transaction() as session:
            claims.extend(
                claim_due(session, account_id=recovery.account_id, now=now, limit=5)
            )

    with transaction() as session:
        if what == "pause":
            recoveries.pause_in(
                session, recovery.id, user_id=user.id, now=now, seen=None
            )
        else:
            recoveries.stop_in(
                session, recovery.id, user_id=user.id, reason="", now=now, seen=None
            )
        thread = in_a_thread(merchant, claim)
        thread.join(0.3)
    thread.join(JOINED_WITHIN)
    assert claims == []
    assert merchant.attempts(invoice)[0].status is AttemptStatus.CANCELED


def test_a_stop_while_a_claim_is_written_comes_before_the_charge(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    to_its_time(merchant, invoice)
    recovery, user, now = merchant.recovery(invoice), a_user(), merchant.now

    def stop() -> None:
        recoveries.stop(recovery.id, user_id=user.id, reason="", now=now)

    with transaction() as session:
        [claim] = claim_due(session, account_id=recovery.account_id, now=now, limit=5)
        thread = in_a_thread(merchant, stop)
        thread.join(0.3)
    thread.join(JOINED_WITHIN)
    with reading() as session:
        assert not may_be_charged(session, claim)
    attempt = recorded(merchant, claim, charged(merchant, claim))
    assert attempt.status is AttemptStatus.CANCELED
    assert len(merchant.charges(invoice)) == 1


def test_a_window_that_closes_as_its_retry_is_claimed_waits_for_the_answer(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    to_its_time(merchant, invoice)
    account_id, now = merchant.account_id, merchant.now
    claims: list[Claim] = []

    def claimed_first(session: Session, ids: list[int]) -> Sequence[Recovery]:
        claims.extend(claim_due(session, account_id=account_id, now=now, limit=5))
        return lock_recoveries(session, ids)

    monkeypatch.setattr(sweeping, "lock_recoveries", claimed_first)
    sweeping.sweep(now=now + timedelta(days=40))
    [claim] = claims
    assert merchant.recovery(invoice).status is RecoveryStatus.IN_RETRY
    recorded(merchant, claim, charged(merchant, claim))
    assert merchant.recovery(invoice).status is RecoveryStatus.RECOVERED


def test_a_look_that_is_overtaken_by_a_later_one_undoes_nothing(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    path = f"/v1/subscriptions/{subscription_of(merchant, invoice)}"
    asked_at, follow = merchant.now, invoices._follow

    def overtaken(account_id: int, seen: Look, *, now: datetime) -> int | None:
        monkeypatch.setattr(invoices, "_follow", follow)
        merchant.api("post", path, **{"pause_collection[behavior]": "void"})
        merchant.sandbox.advance(seconds=5)
        merchant.look(invoice)
        return follow(account_id, seen, now=now)

    monkeypatch.setattr(invoices, "_follow", overtaken)
    invoices.look(merchant.account_id, invoice, now=asked_at)
    recovery = merchant.recovery(invoice)
    assert recovery.paused_because is PauseCause.PAUSED_AT_STRIPE
    assert recovery.looked_at > asked_at
    assert merchant.planned(invoice) is None


def test_leaving_after_the_claim_holds_the_charge(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    claim = claimed(merchant, invoice)
    gateway = gateway_of(merchant.account_id)
    leaving.disconnect(merchant.account_id, user_id=None, now=merchant.now)

    def may_still() -> bool:
        with reading() as session:
            return may_be_charged(session, claim)

    outcome = charge(gateway, claim, may_still=may_still, now=merchant.now)
    attempt = recorded(merchant, claim, outcome)
    assert attempt.status is AttemptStatus.CANCELED
    assert merchant.recovery(invoice).closed_as is ClosedAs.DISCONNECTED
    assert len(merchant.charges(invoice)) == 1


def test_money_that_lands_after_leaving_is_booked(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    claim = claimed(merchant, invoice)
    outcome = charged(merchant, claim)
    leaving.disconnect(merchant.account_id, user_id=None, now=merchant.now)
    assert recorded(merchant, claim, outcome).status is AttemptStatus.SUCCEEDED
    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.closed_as) == ("recovered", None)
    assert recovery.recovered_amount == 1500


def test_an_answer_lost_when_leaving_is_asked_for_after_coming_back(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    merchant.sandbox.fault(method="POST", path="*/pay", do="drop", when="after")
    attempt = merchant.run_to_next_retry(invoice)
    assert attempt.status is AttemptStatus.UNKNOWN
    leaving.disconnect(merchant.account_id, user_id=None, now=merchant.now)
    merchant.sandbox.advance(hours=1)
    assert rescue.rescue_stuck(now=merchant.now) == 0

    accounts.connect_with_key(MERCHANT_KEY, user_id=None, now=merchant.now)
    merchant.tick()
    assert merchant.recovery(invoice).status is RecoveryStatus.RECOVERED
    assert len(merchant.charges(invoice)) == 2


def test_a_customer_who_pays_between_claim_and_charge_is_not_charged(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    claim = claimed(merchant, invoice)
    merchant.sandbox.person("pay_on_page", invoice=invoice, card="pm_card_mastercard")
    a_kept_event(merchant.account_id, type="invoice.paid", object={"id": invoice})
    handle_pending(now=merchant.now)
    assert merchant.attempt(claim.attempt_id).status is AttemptStatus.RUNNING

    recorded(merchant, claim, charged(merchant, claim))
    merchant.tick()
    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.closed_as) == ("closed", "paid_elsewhere")
    assert recovery.recovered_amount == 0
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


def test_an_invoice_marked_as_paid_between_claim_and_charge_is_not_asked_for(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    claim = claimed(merchant, invoice)
    merchant.api("post", f"/v1/invoices/{invoice}/pay", paid_out_of_band="true")
    before = pay_calls(merchant)
    recorded(merchant, claim, charged(merchant, claim))
    merchant.tick()
    assert pay_calls(merchant) == before
    assert merchant.recovery(invoice).closed_as is ClosedAs.PAID_ELSEWHERE
    assert len(merchant.charges(invoice)) == 1


def pay_calls(merchant: Merchant) -> int:
    calls = merchant.sandbox.calls()["counts"]
    return sum(c["count"] for c in calls if c["path"].endswith("/pay"))


def test_an_invoice_that_is_set_aside_during_its_charge_keeps_the_answer(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    claim = claimed(merchant, invoice)
    outcome = charged(merchant, claim)
    path = f"/v1/invoices/{invoice}"
    merchant.sandbox.fault(method="GET", path=path, status=400, times=99)
    assert not set_aside.look(merchant.account_id, invoice, now=merchant.now)
    assert merchant.attempt(claim.attempt_id).status is AttemptStatus.RUNNING
    assert recorded(merchant, claim, outcome).status is AttemptStatus.SUCCEEDED
