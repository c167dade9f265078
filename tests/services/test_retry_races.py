"""What happens between the claim of a retry and the record of its answer."""

from datetime import timedelta
from typing import Any

import pytest

from app import current
from app.domain.account import ConnectionStatus
from app.domain.charge_outcomes import Charged, NotCharged, Outcome, PutBack
from app.domain.declines import MadeBy
from app.domain.pay_results import NeedsAction
from app.domain.recovery import AttemptStatus, ClosedAs, PauseCause, RecoveryStatus
from app.sandbox.founding import MERCHANT, MERCHANT_KEY
from app.services import (
    accounts,
    cards,
    connections,
    invoices,
    key_access,
    recoveries,
    retries,
    subscriptions,
    sweeping,
    wanted_looks,
)
from app.services.charging import charge
from app.services.connections import gateway_of
from app.services.handling import handle_pending
from app.storage.claims import Claim, claim_due, may_be_charged
from app.storage.models import RetryAttempt
from app.storage.transaction import reading, transaction
from app.stripe_gateway import Gateway
from tests.builders import a_user
from tests.merchants import Merchant
from tests.stripe_events import a_kept_event


def claimed(merchant: Merchant, invoice: str) -> Claim:
    """Move the clock to the planned retry and take it, as the engine does."""
    attempt = merchant.planned(invoice)
    assert attempt is not None
    merchant.sandbox.advance(to=(attempt.due_at + timedelta(minutes=1)).isoformat())
    with transaction() as session:
        [claim] = claim_due(
            session, account_id=merchant.account_id, now=merchant.now, limit=5
        )
    return claim


def charged(merchant: Merchant, claim: Claim) -> Outcome:
    """Make the claimed charge, unless something stands against it."""

    def may_still() -> bool:
        with reading() as session:
            return may_be_charged(session, claim)

    gateway = gateway_of(merchant.account_id)
    return charge(gateway, claim, may_still=may_still, now=merchant.now)


def recorded(merchant: Merchant, claim: Claim, outcome: Outcome) -> RetryAttempt:
    """Write the outcome down, as the engine does; the attempt."""
    retries.record_all([(claim, outcome)], now=merchant.now)
    return merchant.attempt(claim.attempt_id)


def stop(merchant: Merchant, invoice: str) -> None:
    recovery = merchant.recovery(invoice)
    user = a_user(name="Mia")
    recoveries.stop(recovery.id, user_id=user.id, reason="asked", now=merchant.now)


def subscription_of(merchant: Merchant, invoice: str) -> str:
    found = merchant.api("get", f"/v1/invoices/{invoice}")
    return str(found["parent"]["subscription_details"]["subscription"])


def test_a_recovery_stopped_after_the_claim_is_not_charged(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    claim = claimed(merchant, invoice)
    stop(merchant, invoice)

    attempt = recorded(merchant, claim, charged(merchant, claim))

    assert attempt.status is AttemptStatus.CANCELED
    assert merchant.recovery(invoice).status is RecoveryStatus.STOPPED
    assert len(merchant.charges(invoice)) == 1


def test_a_refusal_that_lands_after_a_stop_plans_nothing(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    claim = claimed(merchant, invoice)
    outcome = charged(merchant, claim)
    stop(merchant, invoice)

    attempt = recorded(merchant, claim, outcome)

    assert attempt.status is AttemptStatus.DECLINED
    assert merchant.recovery(invoice).status is RecoveryStatus.STOPPED
    assert merchant.planned(invoice) is None
    assert len(merchant.declines(invoice)) == 2


def test_money_that_lands_after_a_stop_is_booked(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    claim = claimed(merchant, invoice)
    outcome = charged(merchant, claim)
    stop(merchant, invoice)

    assert recorded(merchant, claim, outcome).status is AttemptStatus.SUCCEEDED
    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.recovered_amount) == ("recovered", 1500)


def test_a_wish_for_3d_secure_that_lands_after_a_stop_is_recorded(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    claim = claimed(merchant, invoice)
    stop(merchant, invoice)

    attempt = recorded(merchant, claim, Charged(NeedsAction(), 1500))

    assert attempt.status is AttemptStatus.DECLINED
    assert merchant.recovery(invoice).status is RecoveryStatus.STOPPED


def test_a_wish_for_3d_secure_without_a_new_charge_asks_the_customer(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    [first] = merchant.declines(invoice)
    claim = claimed(merchant, invoice)
    # Stripe names the payment's newest charge, which is the one before.
    answer = NeedsAction(charge_id=first.stripe_charge_id)

    recorded(merchant, claim, Charged(answer, 1500))

    assert merchant.recovery(invoice).status is RecoveryStatus.WAITING_FOR_CUSTOMER
    assert merchant.planned(invoice) is None


def test_a_switch_off_after_the_claim_holds_the_charge(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    claim = claimed(merchant, invoice)
    accounts.switch(merchant.account_id, is_on=False, user_id=None, now=merchant.now)

    attempt = recorded(merchant, claim, charged(merchant, claim))

    assert attempt.status is AttemptStatus.SCHEDULED
    assert attempt.asked == 0
    assert len(merchant.charges(invoice)) == 1


def test_what_came_due_while_off_is_planned_anew_and_not_fired(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    accounts.switch(merchant.account_id, is_on=False, user_id=None, now=merchant.now)
    attempt = merchant.run_to_next_retry(invoice)
    merchant.sandbox.advance(hours=3)
    accounts.switch(merchant.account_id, is_on=True, user_id=None, now=merchant.now)

    merchant.tick()

    assert merchant.attempt(attempt.id).status is AttemptStatus.CANCELED
    planned = merchant.planned(invoice)
    assert planned is not None
    assert planned.due_at > merchant.now
    assert len(merchant.charges(invoice)) == 1
    assert merchant.run_to_next_retry(invoice).status is AttemptStatus.SUCCEEDED


def test_what_came_due_while_the_key_was_refused_is_planned_anew(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    merchant.sandbox.fault(method="GET", path="/v1/invoices/*", status=401)
    merchant.run_to_next_retry(invoice)
    assert merchant.account().status == "trouble"
    merchant.sandbox.advance(days=2)
    key_access.check_again(merchant.account_id, user_id=None, now=merchant.now)
    assert merchant.account().status == "connected"

    merchant.tick()

    planned = merchant.planned(invoice)
    assert planned is not None
    assert planned.due_at > merchant.now
    assert len(merchant.charges(invoice)) == 1


def test_a_refusal_of_a_canceled_subscription_closes_its_recovery(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    subscription = subscription_of(merchant, invoice)
    claim = claimed(merchant, invoice)
    outcome = charged(merchant, claim)
    merchant.api("delete", f"/v1/subscriptions/{subscription}")
    subscriptions.look(merchant.account_id, subscription, now=merchant.now)

    recorded(merchant, claim, outcome)
    merchant.tick()

    assert merchant.recovery(invoice).closed_as is ClosedAs.CANCELED
    assert merchant.planned(invoice) is None


def test_a_cancellation_after_the_claim_is_seen_before_the_charge(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    claim = claimed(merchant, invoice)
    merchant.api("delete", f"/v1/subscriptions/{subscription_of(merchant, invoice)}")

    recorded(merchant, claim, charged(merchant, claim))
    merchant.tick()

    assert merchant.recovery(invoice).closed_as is ClosedAs.CANCELED
    assert len(merchant.charges(invoice)) == 1


def test_a_look_leaves_a_charge_under_way_alone_and_is_granted_later(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    claim = claimed(merchant, invoice)
    outcome = charged(merchant, claim)
    merchant.look(invoice)  # the event of our own charge comes before its answer

    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.look_again) == ("in_retry", True)
    recorded(merchant, claim, outcome)
    merchant.tick()
    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.look_again) == ("recovered", False)
    assert recovery.recovered_amount == 1500


def test_a_look_that_failed_is_made_up_for_some_minutes_later(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    claim = claimed(merchant, invoice)
    outcome = charged(merchant, claim)
    merchant.api("post", f"/v1/invoices/{invoice}/void")
    merchant.look(invoice)
    merchant.sandbox.fault(method="GET", path="/v1/invoices/*", status=500, times=3)
    recorded(merchant, claim, outcome)
    merchant.tick()  # Stripe has no answer
    assert merchant.recovery(invoice).look_again

    merchant.sandbox.advance(seconds=360)
    merchant.tick()

    recovery = merchant.recovery(invoice)
    assert (recovery.closed_as, recovery.look_again) == (ClosedAs.VOIDED, False)
    assert merchant.planned(invoice) is None


def test_a_card_changed_while_its_charge_was_under_way_is_tried(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    claim = claimed(merchant, invoice)
    outcome = charged(merchant, claim)
    customer = merchant.recovery(invoice).stripe_customer_id
    merchant.sandbox.person("new_card", customer=customer, card="pm_card_mastercard")
    merchant.sandbox.script(customer, default="approve")
    cards.follow_change(merchant.account_id, customer, now=merchant.now)

    recorded(merchant, claim, outcome)
    merchant.tick()
    merchant.tick()

    assert merchant.recovery(invoice).status is RecoveryStatus.RECOVERED


def test_a_window_that_closes_during_a_charge_closes_after_it(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    claim = claimed(merchant, invoice)
    outcome = charged(merchant, claim)
    merchant.sandbox.advance(days=29)
    sweeping.sweep(now=merchant.now)
    assert merchant.recovery(invoice).status is RecoveryStatus.IN_RETRY

    recorded(merchant, claim, outcome)

    assert merchant.recovery(invoice).status is RecoveryStatus.TERMINATED
    assert merchant.attempt(claim.attempt_id).status is AttemptStatus.DECLINED


def test_a_retry_that_was_slept_through_is_not_made_after_the_window(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    merchant.sandbox.advance(to=_after_window(merchant, invoice))

    retries.run_due(now=merchant.now, threads=2)
    wanted_looks.grant(now=merchant.now)

    assert len(merchant.charges(invoice)) == 1
    assert merchant.recovery(invoice).status is RecoveryStatus.TERMINATED


def _after_window(merchant: Merchant, invoice: str) -> str:
    deadline = merchant.recovery(invoice).deadline_at
    return (deadline + timedelta(minutes=1)).isoformat()


def test_an_older_answer_cannot_undo_a_newer_asking(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    first = claimed(merchant, invoice)
    recorded(
        merchant, first, PutBack("No charge was found.", merchant.now, was_asked=True)
    )
    with transaction() as session:
        [second] = claim_due(
            session, account_id=merchant.account_id, now=merchant.now, limit=5
        )
    outcome = charged(merchant, second)  # approved

    for late in (
        NotCharged("Planned anew."),
        PutBack("No charge was found.", merchant.now, was_asked=True),
    ):
        attempt = recorded(merchant, first, late)
        assert attempt.status is AttemptStatus.RUNNING

    assert recorded(merchant, second, outcome).status is AttemptStatus.SUCCEEDED
    assert merchant.recovery(invoice).recovered_amount == 1500


def test_an_answer_that_comes_after_its_attempt_was_put_back_still_counts(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    claim = claimed(merchant, invoice)
    outcome = charged(merchant, claim)  # approved, but slowly
    recorded(
        merchant, claim, PutBack("No charge was found.", merchant.now, was_asked=True)
    )

    assert recorded(merchant, claim, outcome).status is AttemptStatus.SUCCEEDED
    merchant.tick()
    assert merchant.recovery(invoice).recovered_amount == 1500
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


def test_recording_the_same_answer_twice_counts_once(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    claim = claimed(merchant, invoice)
    outcome = charged(merchant, claim)
    for _ in range(2):
        recorded(merchant, claim, outcome)
    recovery = merchant.recovery(invoice)
    assert (recovery.retries, recovery.charges) == (1, 2)
    assert len(merchant.declines(invoice)) == 2


def test_a_fault_while_charging_loses_no_attempt(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")

    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("something nobody thought of")

    with monkeypatch.context() as patched:
        patched.setattr(retries, "charge", breaks)
        attempt = merchant.run_to_next_retry(invoice)
    assert attempt.status is AttemptStatus.UNKNOWN

    merchant.sandbox.advance(hours=1)
    merchant.tick()
    merchant.tick()
    assert merchant.recovery(invoice).status is RecoveryStatus.RECOVERED
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


def test_a_database_that_fails_during_a_tick_loses_no_attempt(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")

    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(retries, "record", breaks)
        attempt = merchant.run_to_next_retry(invoice)
    assert attempt.status is AttemptStatus.RUNNING

    merchant.sandbox.advance(hours=1)
    merchant.tick()
    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.recovered_amount) == ("recovered", 1500)
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


def test_a_retry_asked_for_twice_is_made_once(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    merchant.sandbox.advance(days=1)
    recovery, user = merchant.recovery(invoice), a_user(name="Mia")
    for _ in range(2):
        recoveries.bring_forward(recovery.id, user_id=user.id, now=merchant.now)
    merchant.tick()
    with pytest.raises(recoveries.ActionRefused):
        recoveries.bring_forward(recovery.id, user_id=user.id, now=merchant.now)
    merchant.tick()
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


def test_a_person_resuming_does_not_charge_beside_stripes_own_retry(
    merchant: Merchant,
) -> None:
    merchant.sandbox.retries(mode="custom", days=[5])
    invoice = merchant.declined_renewal(default="insufficient_funds")
    recovery, user = merchant.recovery(invoice), a_user(name="Mia")
    recoveries.pause(recovery.id, user_id=user.id, now=merchant.now)
    recoveries.resume(recovery.id, user_id=user.id, now=merchant.now)

    merchant.tick()

    recovery = merchant.recovery(invoice)
    assert recovery.paused_because is PauseCause.STRIPE_RETRIES
    assert merchant.planned(invoice) is None


def test_a_decline_noted_before_its_renewal_was_known_belongs_to_it_later(
    merchant: Merchant,
) -> None:
    subscriber = merchant.subscriber(default="insufficient_funds")
    invoice = merchant.renew(subscriber)
    [made] = merchant.charges(invoice)
    cards.note_refused_charge(merchant.account_id, made["charge"], now=merchant.now)

    merchant.look(invoice)

    [decline] = merchant.declines(invoice)
    assert decline.made_by is MadeBy.FIRST
    assert merchant.planned(invoice) is not None


def test_a_key_that_is_replaced_during_a_charge_is_no_trouble(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")

    def replaced_first(gateway: Gateway, claim: Claim, **how: Any) -> Outcome:
        with merchant.app.app_context():
            replace_key(merchant)
        return charge(gateway, claim, **how)

    monkeypatch.setattr(retries, "charge", replaced_first)
    attempt = merchant.run_to_next_retry(invoice)

    assert (merchant.account().status, merchant.account().trouble) == (
        "connected",
        None,
    )
    assert attempt.status is AttemptStatus.SUCCEEDED
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


@pytest.mark.parametrize("who", ["handling", "check"])
def test_a_key_that_is_replaced_during_a_look_is_no_trouble(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    invoice = merchant.renew(merchant.subscriber("insufficient_funds"))
    a_kept_event(merchant.account_id, object={"id": invoice, "subscription": "sub_1"})

    def replaced_then(account_id: int) -> Gateway:
        gateway = gateway_of(account_id)
        replace_key(merchant)
        return gateway

    monkeypatch.setattr(invoices, "gateway_of", replaced_then)
    monkeypatch.setattr(connections, "gateway_of", replaced_then)
    if who == "handling":
        handle_pending(now=merchant.now)
    else:
        key_access.check_again(merchant.account_id, user_id=None, now=merchant.now)
    assert merchant.account().status is ConnectionStatus.CONNECTED

    monkeypatch.undo()
    merchant.sandbox.advance(hours=1)
    handle_pending(now=merchant.now)
    assert merchant.recovery(invoice).status is RecoveryStatus.IN_RETRY


def replace_key(merchant: Merchant) -> None:
    """The owner replaces the key, and revokes the old one; once."""
    new = "rk_test_theNextKey"
    if current.vault().decrypt(merchant.account().sealed_api_key or "") == new:
        return
    merchant.sandbox.key(new, account=MERCHANT)
    merchant.sandbox.key(MERCHANT_KEY, expired=True)
    key_access.rotate_key(merchant.account_id, new, user_id=None, now=merchant.now)


def test_a_process_that_ends_begins_no_charge(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    retries.closing.set()
    try:
        attempt = merchant.run_to_next_retry(invoice)
    finally:
        retries.closing.clear()
    assert attempt.status is AttemptStatus.SCHEDULED
    assert len(merchant.charges(invoice)) == 1
    merchant.tick()
    assert merchant.attempt(attempt.id).status is AttemptStatus.SUCCEEDED
