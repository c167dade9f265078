"""One account's trouble is its own: the retries of the others are on time."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import current_app
from sqlalchemy import update

from app import current
from app.domain.account import ConnectionStatus
from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.sandbox.founding import PANEL_PERMISSIONS
from app.services import invoices, rescue, retries, wanted_looks
from app.services.deliveries import reception
from app.services.pace import PATIENT_FOR, GivingWay
from app.storage.models import Recovery, RetryAttempt, StripeAccount
from app.storage.transaction import transaction
from tests.builders import a_account
from tests.merchants import Merchant
from tests.services.test_inbox import (
    an_arrival,
    nobody_else_may_write,
    until_the_writer_waits_its_turn,
)

OTHER, OTHER_KEY = "acct_1Other", "rk_test_other"
HANGS = 4  # seconds: longer than a tick takes here


@pytest.fixture
def other(merchant: Merchant) -> StripeAccount:
    """A second connected account."""
    merchant.sandbox.call("POST", "accounts", {"id": OTHER, "name": "Other"})
    merchant.sandbox.key(
        OTHER_KEY, account=OTHER, permissions=sorted(PANEL_PERMISSIONS)
    )
    sealed = current.vault().encrypt(OTHER_KEY)
    return a_account(stripe_account_id=OTHER, sealed_api_key=sealed)


@pytest.fixture
def renewals(merchant: Merchant, other: StripeAccount) -> tuple[list[str], list[str]]:
    """Declined renewals of the first account and of the other, all due now."""
    mine, theirs = [None, None, None, None], [OTHER]
    people = [
        merchant.sandbox.subscriber(**({"account": id} if id else {}))
        for id in (*mine, *theirs)
    ]
    for person in people:
        merchant.sandbox.script(
            person.customer, "insufficient_funds", default="approve"
        )
    merchant.sandbox.advance(days=31, hours=2)
    found: tuple[list[str], list[str]] = ([], [])
    for entry in merchant.sandbox.ledger():
        if entry["billing_reason"] == "subscription_cycle":
            is_other = entry["account"] == OTHER
            found[is_other].append(entry["invoice"])
            account_id = other.id if is_other else merchant.account_id
            invoices.look(account_id, entry["invoice"], now=merchant.now)
    merchant.sandbox.advance(days=1)
    with transaction() as session:
        due = merchant.now - timedelta(minutes=1)
        session.execute(update(RetryAttempt).values(due_at=due))
    return found


def status_of(merchant: Merchant, invoice: str) -> AttemptStatus:
    return merchant.attempts(invoice)[0].status


def test_a_stripe_that_does_not_answer_one_account_delays_no_other(
    merchant: Merchant,
    renewals: tuple[list[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine, [theirs] = renewals
    monkeypatch.setattr(retries, "RUN_FOR", 0.5)
    monkeypatch.setattr(retries, "WAIT_FOR_THE_LAST", 0.5)
    for invoice in mine:
        path = f"/v1/invoices/{invoice}"
        merchant.sandbox.fault(method="GET", path=path, do="delay", seconds=HANGS)

    began = time.monotonic()
    retries.run_due(now=merchant.now, threads=6)
    assert time.monotonic() - began < HANGS

    # The other's was made, although the first account has enough to do for all threads.
    assert status_of(merchant, theirs) is AttemptStatus.SUCCEEDED
    hanging = [status_of(merchant, invoice) for invoice in mine]
    assert hanging.count(AttemptStatus.RUNNING) == 2  # a third of the threads
    # Nobody takes those for lost while they are under way.
    assert rescue.rescue_stuck(now=merchant.now + timedelta(hours=1)) == 0

    retries.finish(now=merchant.now)
    assert [status_of(merchant, i) for i in mine].count(AttemptStatus.SUCCEEDED) == 2
    while AttemptStatus.SCHEDULED in [status_of(merchant, i) for i in mine]:
        retries.run_due(now=merchant.now, threads=6)
        retries.finish(now=merchant.now)
    for invoice in (*mine, theirs):
        assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


def test_charging_goes_on_without_an_ebb_while_more_is_due(
    merchant: Merchant,
    renewals: tuple[list[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retries, "RUN_FOR", 0.3)  # one turn, or two
    mine, theirs = renewals
    # One thread for each account: one charge a turn.
    assert retries.run_due(now=merchant.now, threads=3) == len(mine) + len(theirs)
    assert {status_of(merchant, i) for i in mine} == {AttemptStatus.SUCCEEDED}


def test_what_all_may_begin_in_a_turn_is_shared_by_the_accounts(
    merchant: Merchant,
    renewals: tuple[list[str], list[str]],
) -> None:
    mine, [theirs] = renewals
    current_app.extensions["metricsco.charging_pace"] = GivingWay(4.0, least=4.0)
    before = len(merchant.sandbox.ledger())
    retries.run_due(now=merchant.now, threads=15)
    paid = [entry["invoice"] for entry in merchant.sandbox.ledger()[before:]]
    # The other account stands last in the list, and is not last in line.
    assert paid.index(theirs) == 1
    assert set(paid) == {*mine, theirs}


@pytest.mark.sqlite
def test_charging_gives_way_to_a_delivery_that_had_to_wait(
    merchant: Merchant, renewals: tuple[list[str], list[str]]
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with nobody_else_may_write():
            kept = pool.submit(reception().inbox.keep, an_arrival("evt_waits"))
            until_the_writer_waits_its_turn()
            time.sleep(PATIENT_FOR)
        kept.result()
    mine, theirs = renewals

    assert retries.run_due(now=merchant.now) == len(mine) + len(theirs)
    assert (
        current_app.extensions["metricsco.charging_pace"].per_second < retries.TOGETHER
    )


def test_a_look_that_always_fails_stands_before_no_other(
    merchant: Merchant, renewals: tuple[list[str], list[str]]
) -> None:
    mine, [theirs] = renewals
    with transaction() as session:
        session.execute(update(Recovery).values(look_again=True))
    bad = mine[0]
    merchant.sandbox.fault(
        method="GET", path=f"/v1/invoices/{bad}", status=500, times=99
    )

    for _ in range(6):
        wanted_looks.grant(now=merchant.now)
        merchant.sandbox.advance(seconds=40)

    wishes = {i: merchant.recovery(i).look_again for i in (*mine, theirs)}
    assert wishes == {i: i == bad for i in (*mine, theirs)}


def test_what_cannot_be_asked_about_for_one_account_is_asked_for_the_other(
    merchant: Merchant, renewals: tuple[list[str], list[str]]
) -> None:
    mine, [theirs] = renewals
    merchant.sandbox.fault(
        method="POST", path="*/pay", do="drop", when="after", times=5
    )
    retries.run_due(now=merchant.now, threads=15)
    merchant.sandbox.advance(hours=1)
    before = len(merchant.sandbox.calls()["recent"])
    merchant.sandbox.key("rk_test_sandboxMerchant", expired=True)

    rescue.rescue_stuck(now=merchant.now)

    assert status_of(merchant, theirs) is AttemptStatus.SUCCEEDED
    assert {status_of(merchant, i) for i in mine} == {AttemptStatus.UNKNOWN}
    # The first account was asked about once, and not once for each attempt.
    calls = merchant.sandbox.calls()["recent"][before:]
    assert sum(call["status"] == 401 for call in calls) == 1


def test_a_question_that_always_fails_stands_before_no_other(
    merchant: Merchant, renewals: tuple[list[str], list[str]]
) -> None:
    mine, _ = renewals
    merchant.sandbox.fault(
        method="POST", path="*/pay", do="drop", when="after", times=5
    )
    retries.run_due(now=merchant.now, threads=15)
    bad = mine[0]
    merchant.sandbox.fault(
        method="GET", path=f"/v1/invoices/{bad}", status=500, times=99
    )

    for _ in range(4):
        merchant.sandbox.advance(seconds=240)
        rescue.rescue_stuck(now=merchant.now)

    assert status_of(merchant, bad) is AttemptStatus.UNKNOWN
    assert {status_of(merchant, i) for i in mine[1:]} == {AttemptStatus.SUCCEEDED}


def test_lost_answers_of_an_account_that_left_stand_before_no_other(
    merchant: Merchant,
    renewals: tuple[list[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rescue, "AT_ONCE", 2)
    mine, [theirs] = renewals
    merchant.sandbox.fault(
        method="POST", path="*/pay", do="drop", when="after", times=5
    )
    retries.run_due(now=merchant.now, threads=15)
    with transaction() as session:
        account = session.get_one(StripeAccount, merchant.account_id)
        account.status = ConnectionStatus.DISCONNECTED

    merchant.sandbox.advance(hours=1)
    rescue.rescue_stuck(now=merchant.now)

    assert status_of(merchant, theirs) is AttemptStatus.SUCCEEDED
    assert {status_of(merchant, i) for i in mine} == {AttemptStatus.UNKNOWN}


def test_an_invoice_that_one_account_does_not_see_may_be_another_accounts(
    merchant: Merchant, other: StripeAccount
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    invoices.look(other.id, invoice, now=merchant.now)
    assert merchant.recovery(invoice).status is RecoveryStatus.IN_RETRY
    assert merchant.run_to_next_retry(invoice).status is AttemptStatus.SUCCEEDED
