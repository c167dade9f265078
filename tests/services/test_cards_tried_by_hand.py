"""A customer who tries another card by hand tells about that card, and no other."""

from app.domain.recovery import OPEN, RecoveryStatus
from app.services import cards
from tests.merchants import Merchant


def test_a_stolen_card_stays_stolen_after_another_was_tried_on_the_page(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal("stolen_card", default="insufficient_funds")
    merchant.sandbox.advance(days=1)
    # The page charges the other card once, and leaves the default as it is.
    card = "pm_card_mastercard"
    merchant.sandbox.person("pay_on_page", invoice=invoice, card=card)
    merchant.look(invoice, with_card=True)

    assert len(merchant.declines(invoice)) == 2
    assert merchant.planned(invoice) is None
    merchant.sandbox.advance(days=20)
    merchant.tick()
    assert len(merchant.charges(invoice)) == 2


def test_a_new_card_that_was_refused_by_hand_is_retried_for_itself(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(
        "stolen_card", "insufficient_funds", default="approve"
    )
    merchant.sandbox.advance(days=1)
    customer = merchant.recovery(invoice).stripe_customer_id
    merchant.sandbox.person("new_card", customer=customer, card="pm_card_mastercard")
    merchant.api("post", f"/v1/invoices/{invoice}/pay")

    cards.follow_change(merchant.account_id, customer, now=merchant.now)

    # The old card's code says nothing about the new one, which lacked money once.
    recovery = merchant.recovery(invoice)
    assert recovery.status is RecoveryStatus.IN_RETRY, recovery.status_reason
    assert recovery.status in OPEN
    assert merchant.planned(invoice) is not None
    merchant.run_to_next_retry(invoice)
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, False, True]
