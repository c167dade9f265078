"""Two invoices on one card: what was planned apart may together be too much."""

from datetime import timedelta

from app.domain.recovery import AttemptStatus
from app.storage.models import Decline
from app.storage.transaction import transaction
from tests.merchants import Merchant


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
