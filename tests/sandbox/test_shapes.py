"""What the sandbox says is held to the installed stripe package, so it cannot drift."""

from typing import Any

import pytest
import stripe

from app.sandbox import Sandbox
from app.sandbox.accounts import account_object
from app.sandbox.expand import EXPANDABLE, INCLUDED
from app.sandbox.founding import MERCHANT
from app.sandbox.params import shape_named
from app.sandbox.routes import ROUTES
from app.sandbox.tables import TABLES
from tests.sandbox.shapes import CLASSES, faults_of, fields_of


def a_busy_month(sandbox: Sandbox, merchant: stripe.StripeClient) -> None:
    """Let one of everything happen."""
    v1 = merchant.v1
    sandbox.subscriber(trial_days=14)
    sandbox.subscriber(card="pm_card_amex", currency="jpy", amount=980)
    sandbox.subscriber(card=None)
    for answers in (
        ["insufficient_funds", "approve"],
        ["mac:25", "highest_risk_level", "lost_card"],
        [{"processing": 86400, "then": "do_not_honor"}],
        ["authentication_required"],
    ):
        one = sandbox.subscriber(card="pm_card_mastercard", card_on="both")
        assert one.payment_method
        sandbox.script(one.payment_method, *answers)
    v1.subscriptions.update(
        one.subscription, {"pause_collection": {"behavior": "void"}}
    )
    sandbox.retries(mode="custom", days=[1, 2], at_the_end="cancel")
    sandbox.advance(days=40)
    for invoice in v1.invoices.list({"status": "open"}).data:
        v1.invoices.mark_uncollectible(invoice.id)
    v1.invoice_items.create({"customer": one.customer, "amount": 700})
    manual = v1.invoices.create({"customer": one.customer})
    v1.invoices.finalize_invoice(manual.id)
    v1.invoices.void_invoice(manual.id)
    v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:1/", "enabled_events": ["invoice.paid"]}
    )


def all_rows(sandbox: Sandbox) -> dict[str, list[dict[str, Any]]]:
    book = sandbox.world.accounts[MERCHANT].book(livemode=False)
    rows = {noun: list(book.table(noun).rows.values()) for noun in TABLES}
    for item in rows["invoiceitem"]:
        item.pop("created")  # ours, for the order of lists
    return rows


def test_every_object_is_what_the_stripe_package_says_it_is(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    a_busy_month(sandbox, merchant)
    rows = all_rows(sandbox)
    assert all(rows.values()), "the month did not make one of everything"
    wrong = {
        fault for table in rows.values() for row in table for fault in faults_of(row)
    }
    assert not wrong


def test_every_event_carries_a_true_object_and_a_known_type(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    a_busy_month(sandbox, merchant)
    wrong = set()
    for event in all_rows(sandbox)["event"]:
        about = event["data"]["object"]
        wrong |= {f"{event['type']}: {fault}" for fault in faults_of(about)}
        known = fields_of(CLASSES[about["object"]])
        wrong |= event["data"].get("previous_attributes", {}).keys() - known.keys()
    assert not wrong


def test_the_account_is_what_the_stripe_package_says_it_is(sandbox: Sandbox) -> None:
    assert not faults_of(account_object(sandbox.world.accounts[MERCHANT]))


def test_a_portal_session_is_what_the_stripe_package_says_it_is(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = sandbox.subscriber()
    session = merchant.v1.billing_portal.sessions.create(
        {
            "customer": ann.customer,
            "return_url": "https://example.com/",
            "flow_data": {"type": "payment_method_update"},
        }
    )
    assert not faults_of(session.to_dict(for_json=True))


@pytest.mark.parametrize(
    "broken",
    [
        {"no_such_field": 1},
        {"amount_due": "12"},
        {"status": "unpaid"},
        {"lines": []},
        {"status_transitions": {"finalised_at": 1}},
    ],
)
def test_the_check_sees_what_is_wrong(
    sandbox: Sandbox, merchant: stripe.StripeClient, broken: dict[str, Any]
) -> None:
    sandbox.subscriber()
    (invoice,) = all_rows(sandbox)["invoice"]
    assert not faults_of(invoice)
    assert faults_of({**invoice, **broken})
    del invoice["amount_due"]
    assert faults_of(invoice)


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.method} {r.path}")
def test_every_route_has_its_parameters_in_the_stripe_package(route: Any) -> None:
    assert shape_named(route.params).fields is not None


@pytest.mark.parametrize(("noun", "path"), [*EXPANDABLE, *INCLUDED])
def test_what_can_be_expanded_is_a_field_of_its_class(noun: str, path: str) -> None:
    kinds = {**CLASSES, "line_item": stripe.InvoiceLineItem, "plan": stripe.Plan}
    assert path.split(".")[0] in fields_of(kinds[noun])
