"""Two invoices on one card: what was planned apart may together be too much."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.services import retries
from app.storage.models import Decline, RetryAttempt
from app.storage.transaction import transaction
from tests.merchants import Merchant

MAC_03 = {"decline_code": "do_not_honor", "network_advice_code": "03"}


def test_a_cap_that_other_invoices_filled_puts_the_retry_back(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    planned = merchant.planned(invoice)
    assert planned is not None
    _refusals_on_the_same_card(merchant, invoice, 15)

    attempt = merchant.run_to_next_retry(invoice)

    assert attempt.status is AttemptStatus.SCHEDULED
    assert attempt.due_at > planned.due_at + timedelta(days=7)
    assert "30 days" in (attempt.outcome or "")
    assert len(merchant.charges(invoice)) == 1


def test_a_card_with_room_left_is_charged(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    _refusals_on_the_same_card(merchant, invoice, 12)
    attempt = merchant.run_to_next_retry(invoice)
    assert attempt.status is AttemptStatus.SUCCEEDED


def test_charges_of_one_card_that_are_due_together_never_break_its_cap(
    merchant: Merchant,
) -> None:
    pair = _two_invoices_on_one_card(merchant, default="insufficient_funds")
    # Their own two and these: one more fits.
    _refusals_on_the_same_card(merchant, pair[0], 12)
    _all_due_now(merchant)

    # With so many threads the account's two would be charged at the same moment.
    retries.run_due(now=merchant.now, threads=30)
    assert sum(len(merchant.charges(invoice)) for invoice in pair) == 3
    merchant.sandbox.advance(hours=1)
    merchant.tick()
    assert sum(len(merchant.charges(invoice)) for invoice in pair) == 3


def test_charges_of_one_card_with_room_for_both_are_made_one_by_one(
    merchant: Merchant,
) -> None:
    pair = _two_invoices_on_one_card(merchant, default="approve")
    _refusals_on_the_same_card(merchant, pair[0], 4)
    _all_due_now(merchant)

    merchant.tick()
    merchant.sandbox.advance(seconds=150)
    merchant.tick()

    assert [merchant.recovery(invoice).status for invoice in pair] == ["recovered"] * 2


@pytest.mark.parametrize("never", ["stolen_card", MAC_03])
def test_a_card_that_another_invoice_found_ruled_out_is_not_charged(
    merchant: Merchant, never: Any
) -> None:
    pair = _two_invoices_on_one_card(merchant, "insufficient_funds", never)
    [soft] = [i for i in pair if _code(merchant, i) == "insufficient_funds"]

    # Planned before the bank said so, and due now.
    _all_due_now(merchant)
    merchant.tick()
    assert len(merchant.charges(soft)) == 1
    recovery = merchant.recovery(soft)
    assert recovery.status is RecoveryStatus.WAITING_FOR_CUSTOMER
    assert "another invoice" in recovery.status_reason


def test_advice_about_one_purchase_binds_no_other(merchant: Merchant) -> None:
    advised = {"decline_code": "do_not_honor", "advice_code": "do_not_try_again"}
    pair = _two_invoices_on_one_card(merchant, "insufficient_funds", advised)
    [soft] = [i for i in pair if _code(merchant, i) == "insufficient_funds"]
    assert merchant.run_to_next_retry(soft).status is AttemptStatus.SUCCEEDED


def _two_invoices_on_one_card(
    merchant: Merchant, *answers: Any, default: Any = "approve"
) -> list[str]:
    """Two subscriptions of one customer whose renewals were refused so."""
    refusals = answers or ("insufficient_funds", "insufficient_funds")
    owner = merchant.subscriber("approve", *refusals)
    wish = {"customer": owner.customer, "items[0][price]": owner.price}
    merchant.api("post", "/v1/subscriptions", **wish)
    before = {entry["invoice"] for entry in merchant.sandbox.ledger()}
    merchant.sandbox.advance(days=31, hours=2)
    new = {entry["invoice"] for entry in merchant.sandbox.ledger()} - before
    for invoice in new:
        merchant.look(invoice)
    merchant.sandbox.script(owner.customer, default=default)
    return sorted(new)


def _code(merchant: Merchant, invoice: str) -> str | None:
    [decline] = merchant.declines(invoice)
    return decline.decline_code


def _all_due_now(merchant: Merchant) -> None:
    merchant.sandbox.advance(days=1)
    with transaction() as session:
        due = merchant.now - timedelta(minutes=1)
        session.execute(update(RetryAttempt).values(due_at=due))


def _refusals_on_the_same_card(merchant: Merchant, invoice: str, count: int) -> None:
    [own] = merchant.declines(invoice)
    with transaction() as session:
        session.add_all(
            Decline(
                account_id=own.account_id,
                stripe_charge_id=f"ch_other{n}",
                occurred_at=own.occurred_at - timedelta(hours=n),
                amount=own.amount,
                currency=own.currency,
                kind=own.kind,
                network=own.network,
                brand=own.brand,
                fingerprint=own.fingerprint,
                made_by=own.made_by,
            )
            for n in range(count)
        )
