"""Charges whose answer never came: Stripe is asked, nobody is charged twice."""

from datetime import timedelta

from app.domain.charge_outcomes import Charged
from app.domain.pay_results import Declined
from app.domain.recovery import AttemptStatus, ClosedAs, RecoveryStatus
from app.sandbox.founding import MERCHANT_KEY
from app.services import cards
from app.services.connections import gateway_of
from app.storage.models import Recovery, RetryAttempt
from app.storage.transaction import transaction
from tests.merchants import Merchant
from tests.services.test_retry_races import charged, claimed, recorded


def drop(merchant: Merchant, when: str) -> None:
    """The next call to charge gets no answer, before or after it had its effect."""
    merchant.sandbox.fault(method="POST", path="*/pay", do="drop", when=when)


def later(merchant: Merchant, *, hours: float = 0, days: float = 0) -> None:
    merchant.sandbox.advance(hours=hours, days=days)
    merchant.tick()


def test_stripe_has_time_to_finish_before_it_is_asked(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    drop(merchant, "before")
    attempt = merchant.run_to_next_retry(invoice)
    merchant.tick()
    later(merchant, hours=0.04)
    assert merchant.attempt(attempt.id).status is AttemptStatus.UNKNOWN

    later(merchant, hours=0.1)
    merchant.tick()
    again = merchant.attempt(attempt.id)
    assert (again.status, again.asked) == (AttemptStatus.SUCCEEDED, 2)
    assert again.idempotency_key == attempt.idempotency_key
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


def test_a_customer_who_paid_while_our_refusal_was_lost_is_no_success_of_ours(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    drop(merchant, "after")
    attempt = merchant.run_to_next_retry(invoice)
    customer = merchant.recovery(invoice).stripe_customer_id
    merchant.sandbox.script(customer, default="approve")
    merchant.sandbox.person("pay_on_page", invoice=invoice, card="pm_card_mastercard")

    later(merchant, hours=0.1)

    recovery = merchant.recovery(invoice)
    assert recovery.closed_as is ClosedAs.PAID_ELSEWHERE
    assert recovery.recovered_amount == 0
    assert merchant.attempt(attempt.id).status is AttemptStatus.DECLINED
    assert len(merchant.declines(invoice)) == 2


def test_a_customer_who_paid_while_our_call_was_lost_is_no_success_of_ours(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    drop(merchant, "before")
    attempt = merchant.run_to_next_retry(invoice)
    merchant.sandbox.person("pay_on_page", invoice=invoice, card="pm_card_mastercard")

    later(merchant, hours=0.1)

    assert merchant.recovery(invoice).closed_as is ClosedAs.PAID_ELSEWHERE
    assert merchant.attempt(attempt.id).status is AttemptStatus.CANCELED
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


def test_the_same_after_stripe_forgot_the_key(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    drop(merchant, "before")
    merchant.run_to_next_retry(invoice)
    merchant.sandbox.person("pay_on_page", invoice=invoice, card="pm_card_mastercard")

    later(merchant, days=3)

    recovery = merchant.recovery(invoice)
    assert recovery.closed_as is ClosedAs.PAID_ELSEWHERE
    assert recovery.recovered_amount == 0


def test_our_own_success_is_known_after_stripe_forgot_the_key(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    drop(merchant, "after")
    merchant.run_to_next_retry(invoice)

    later(merchant, days=3)

    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.recovered_amount) == ("recovered", 1500)


def test_our_own_debit_that_settled_while_its_answer_was_lost_is_recovered(
    merchant: Merchant,
) -> None:
    settles = {"processing": 300, "then": "approve"}
    invoice = merchant.declined_renewal("insufficient_funds", settles)
    drop(merchant, "after")
    merchant.run_to_next_retry(invoice)

    later(merchant, hours=1)

    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.recovered_amount) == ("recovered", 1500)


def test_a_stop_while_the_answer_is_missing_ends_it_and_books_the_money(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    drop(merchant, "after")
    merchant.run_to_next_retry(invoice)
    with transaction() as session:
        recovery = session.get_one(Recovery, merchant.recovery(invoice).id)
        recovery.status = RecoveryStatus.STOPPED

    later(merchant, hours=0.1)

    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.recovered_amount) == ("recovered", 1500)


def test_a_stopped_recovery_whose_call_was_lost_is_not_asked_for_again(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    drop(merchant, "before")
    attempt = merchant.run_to_next_retry(invoice)
    with transaction() as session:
        recovery = session.get_one(Recovery, merchant.recovery(invoice).id)
        recovery.status = RecoveryStatus.STOPPED

    later(merchant, hours=0.1)
    later(merchant, days=3)

    assert merchant.attempt(attempt.id).status is AttemptStatus.CANCELED
    assert len(merchant.charges(invoice)) == 1


def test_a_key_in_use_is_never_given_up(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    in_use = {"type": "idempotency_error", "code": "idempotency_key_in_use"}
    merchant.sandbox.fault(
        method="POST", path="*/pay", status=409, times=5, body={"error": in_use}
    )
    attempt = merchant.run_to_next_retry(invoice)
    for _ in range(5):
        later(merchant, hours=0.1)
        merchant.tick()
    again = merchant.attempt(attempt.id)
    assert again.status is AttemptStatus.SUCCEEDED
    assert len(merchant.attempts(invoice)) == 1


def test_an_old_answer_replayed_to_a_database_from_yesterday_is_recorded_once(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    # Another life of this database has made the second attempt already.
    key = f"metricsco-{invoice}-2"
    gateway_of(merchant.account_id).pay(invoice, idempotency_key=key)
    merchant.look(invoice)
    planned = merchant.planned(invoice)
    assert planned is not None
    assert planned.idempotency_key == key
    with transaction() as session:
        session.get_one(RetryAttempt, planned.id).due_at = merchant.now

    merchant.tick()

    replayed = merchant.attempt(planned.id)
    [_, ours] = merchant.charges(invoice)
    assert replayed.status is AttemptStatus.DECLINED
    assert (ours["idempotency_key"], ours["charge"]) == (key, replayed.stripe_charge_id)
    assert merchant.recovery(invoice).retries == 1
    assert len(merchant.declines(invoice)) == 2
    following = merchant.planned(invoice)
    assert following is not None
    assert following.idempotency_key != key


def test_an_old_answer_replayed_under_a_key_never_asked_is_followed_by_a_look(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    key = f"metricsco-{invoice}-1"
    # Another life of this database asked already, and Stripe would not charge then.
    odd = {"type": "invalid_request_error", "message": "Not today."}
    merchant.sandbox.fault(
        method="POST",
        path="*/pay",
        status=400,
        body={"error": odd},
        headers={"Idempotent-Replayed": "true"},
    )
    planned = merchant.planned(invoice)
    assert planned is not None
    assert planned.idempotency_key == key
    refused = Declined(charge_id=merchant.declines(invoice)[0].stripe_charge_id)
    claim = claimed(merchant, invoice)
    outcome = charged(merchant, claim)
    assert isinstance(outcome, Charged)
    assert not outcome.is_all_news
    known = Charged(refused, 1500, is_all_news=False)
    recorded(merchant, claim, known)
    assert merchant.recovery(invoice).look_again


def test_our_own_charge_is_known_although_our_clock_is_ahead_of_stripes(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    drop(merchant, "after")
    attempt = merchant.run_to_next_retry(invoice)
    with transaction() as session:
        row = session.get_one(RetryAttempt, attempt.id)
        assert row.started_at
        row.started_at += timedelta(minutes=10)

    later(merchant, hours=0.5)

    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.recovered_amount) == ("recovered", 1500)


def test_a_key_that_may_not_list_events_leaves_no_attempt_unknown_for_ever(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    drop(merchant, "after")
    attempt = merchant.run_to_next_retry(invoice)
    merchant.sandbox.key(MERCHANT_KEY, revoke=["event_read"])

    later(merchant, days=3)

    # The charge was made in the minutes in which we asked for one: it is ours.
    assert merchant.attempt(attempt.id).status is AttemptStatus.SUCCEEDED
    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.recovered_amount) == ("recovered", 1500)


def test_without_events_a_charge_of_hours_later_is_not_taken_for_ours(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    drop(merchant, "before")
    attempt = merchant.run_to_next_retry(invoice)
    merchant.sandbox.advance(hours=2)
    merchant.sandbox.person("pay_on_page", invoice=invoice, card="pm_card_mastercard")
    merchant.sandbox.key(MERCHANT_KEY, revoke=["event_read"])

    later(merchant, days=3)

    assert merchant.attempt(attempt.id).status is AttemptStatus.CANCELED
    assert merchant.recovery(invoice).closed_as is ClosedAs.PAID_ELSEWHERE


def test_a_refused_charge_that_could_not_be_read_gets_its_card_later(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    merchant.sandbox.fault(method="GET", path="/v1/charges/*", status=500, times=3)
    attempt = merchant.run_to_next_retry(invoice)
    assert attempt.status is AttemptStatus.DECLINED
    merchant.tick()

    first, ours = merchant.declines(invoice)
    assert ours.stripe_charge_id == attempt.stripe_charge_id
    for fact in ("fingerprint", "network", "last4", "outcome_type", "network_status"):
        assert getattr(ours, fact) == getattr(first, fact) is not None
    assert ours.made_by == "metricsco"
    # It counts for the card's limits, and once.
    assert merchant.recovery(invoice).charges == 2
    assert merchant.planned(invoice) is not None


def test_a_refusal_of_minutes_before_is_not_taken_for_the_answer_that_was_lost(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    merchant.sandbox.advance(days=1)
    merchant.api("post", f"/v1/invoices/{invoice}/pay")  # by staff
    merchant.look(invoice)
    customer = merchant.recovery(invoice).stripe_customer_id
    merchant.sandbox.person("new_card", customer=customer, card="pm_card_mastercard")
    merchant.sandbox.script(customer, default="approve")
    merchant.sandbox.advance(seconds=60)
    cards.follow_change(merchant.account_id, customer, now=merchant.now)
    drop(merchant, "before")
    merchant.tick()
    later(merchant, hours=0.1)
    merchant.tick()

    recovery = merchant.recovery(invoice)
    assert (recovery.status, recovery.retries) == (RecoveryStatus.RECOVERED, 1)
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, False, True]
