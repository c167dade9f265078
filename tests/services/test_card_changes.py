"""Cards that change while a recovery runs: kept, with what the change brought about."""

from typing import Any

import pytest
from sqlalchemy import select

from app.domain.card_changes import CardChangeKind, change_between
from app.services import cards, recoveries, subscriptions
from app.storage.case_models import CardChange
from app.storage.transaction import reading
from tests.builders import a_user
from tests.merchants import Merchant


def _changes() -> list[CardChange]:
    with reading() as session:
        return list(session.scalars(select(CardChange).order_by(CardChange.id)))


def _attach(merchant: Merchant, customer: str) -> str:
    address = "/v1/payment_methods/pm_card_mastercard/attach"
    card = merchant.api("post", address, customer=customer)
    merchant.sandbox.script(card["id"], default="approve")
    return str(card["id"])


def _make_default(merchant: Merchant, customer: str, card: str) -> None:
    default = {"invoice_settings[default_payment_method]": card}
    merchant.api("post", f"/v1/customers/{customer}", **default)


def test_a_new_default_card_is_kept_with_the_retry_it_brought(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="stolen_card")
    customer = merchant.recovery(invoice).stripe_customer_id
    card = _attach(merchant, customer)
    _make_default(merchant, customer, card)
    for _ in range(2):  # the same news often come twice
        cards.follow_change(merchant.account_id, customer, now=merchant.now)
    (kept,) = _changes()
    planned = merchant.planned(invoice)
    assert planned is not None
    assert kept.kind is CardChangeKind.REPLACED
    assert (kept.stripe_payment_method_id, kept.brand) == (card, "mastercard")
    assert kept.last4
    assert kept.set_on == "customer"
    assert kept.next_try_at == planned.due_at
    assert f"Retry {planned.number} was planned anew" in kept.effect


@pytest.mark.parametrize(
    ("answer", "days"),
    [
        ("stolen_card", 20),
        ({"decline_code": "insufficient_funds", "network_advice_code": "30"}, 9),
    ],
)
@pytest.mark.parametrize("with_card", [True, False])
def test_what_was_said_of_a_card_stands_when_it_is_entered_once_more(
    merchant: Merchant, answer: Any, days: int, *, with_card: bool
) -> None:
    invoice = merchant.declined_renewal(answer, default="approve")
    recovery = merchant.recovery(invoice)
    customer, card = recovery.stripe_customer_id, recovery.stripe_payment_method_id
    merchant.sandbox.person("new_card", customer=customer, same_as=card)
    merchant.look(invoice, with_card=with_card)

    assert merchant.recovery(invoice).stripe_payment_method_id != card
    for _ in range(days):
        merchant.tick()
        merchant.sandbox.advance(days=1)
    assert len(merchant.charges(invoice)) == 1


def test_a_card_set_on_the_subscription_is_kept_with_its_last_digits(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    recovery = merchant.recovery(invoice)
    card = _attach(merchant, recovery.stripe_customer_id)
    told = merchant.api("get", f"/v1/invoices/{invoice}")
    subscription = told["parent"]["subscription_details"]["subscription"]
    address = f"/v1/subscriptions/{subscription}"
    merchant.api("post", address, default_payment_method=card)
    subscriptions.look(merchant.account_id, subscription, now=merchant.now)
    (kept,) = _changes()
    assert (kept.set_on, kept.brand) == ("subscription", "mastercard")
    assert kept.last4


def test_a_card_that_changes_while_a_person_pauses_changes_nothing(
    merchant: Merchant,
) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    recovery = merchant.recovery(invoice)
    recoveries.pause(recovery.id, user_id=a_user().id, now=merchant.now)
    card = _attach(merchant, recovery.stripe_customer_id)
    _make_default(merchant, recovery.stripe_customer_id, card)
    cards.follow_change(
        merchant.account_id, recovery.stripe_customer_id, now=merchant.now
    )
    (kept,) = _changes()
    assert "a person paused" in kept.effect
    assert kept.next_try_at is None
    assert merchant.planned(invoice) is None


def test_a_look_that_finds_the_same_card_keeps_nothing(merchant: Merchant) -> None:
    invoice = merchant.declined_renewal(default="insufficient_funds")
    for _ in range(3):
        merchant.look(invoice, with_card=True)
    assert _changes() == []


@pytest.mark.parametrize(
    ("was", "now", "is_renewed", "found"),
    [
        ("pm_1", "pm_1", False, None),
        (None, None, False, None),
        ("pm_1", "pm_1", True, CardChangeKind.RENEWED),
        ("pm_1", "pm_2", True, CardChangeKind.REPLACED),
        ("pm_1", "pm_2", False, CardChangeKind.REPLACED),
        (None, "pm_2", False, CardChangeKind.ADDED),
        ("pm_1", None, False, CardChangeKind.REMOVED),
    ],
)
def test_what_became_of_a_card(
    was: str | None, now: str | None, is_renewed: bool, found: CardChangeKind | None
) -> None:
    assert change_between(was, now, is_renewed=is_renewed) is found
