"""Troubles that a test asks for."""

import pytest
import stripe

from app.sandbox import Sandbox
from tests.sandbox.test_api import an_open_invoice


def test_a_dropped_answer_hides_what_was_done(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    invoice = an_open_invoice(sandbox, merchant)
    options: stripe.RequestOptions = {"idempotency_key": "retry-attempt-1"}
    sandbox.fault(path="/v1/invoices/*/pay", do="drop", when="after")
    with pytest.raises(stripe.APIConnectionError):
        merchant.v1.invoices.pay(invoice, {}, options)
    assert merchant.v1.invoices.retrieve(invoice).status == "paid"
    again = merchant.v1.invoices.pay(invoice, {}, options)
    assert again.status == "paid"
    assert len(sandbox.ledger()) == 3


def test_a_call_cut_before_it_ran_has_no_effect(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    invoice = an_open_invoice(sandbox, merchant)
    sandbox.fault(path="/v1/invoices/*/pay", do="drop")
    with pytest.raises(stripe.APIConnectionError):
        merchant.v1.invoices.pay(invoice)
    assert merchant.v1.invoices.retrieve(invoice).status == "open"


def test_a_server_error_after_the_charge_is_stored_as_such(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    invoice = an_open_invoice(sandbox, merchant)
    options: stripe.RequestOptions = {"idempotency_key": "retry-attempt-1"}
    sandbox.fault(path="/v1/invoices/*/pay", when="after", status=500)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            merchant.v1.invoices.pay(invoice, {}, options)
    assert merchant.v1.invoices.retrieve(invoice).status == "paid"
    assert len(sandbox.ledger()) == 3


def test_a_fault_counts_down_and_may_wait(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    sandbox.fault(method="GET", path="/v1/customers", status=429, times=2, skip=1)
    merchant.v1.customers.list()
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError):
            merchant.v1.customers.list()
    merchant.v1.customers.list()


def test_a_lock_timeout_can_be_staged(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    error = {"type": "invalid_request_error", "code": "lock_timeout", "message": "-"}
    sandbox.fault(path="*", status=429, body={"error": error})
    with pytest.raises(stripe.RateLimitError) as caught:
        merchant.v1.customers.list()
    assert caught.value.error
    assert caught.value.error.code == "lock_timeout"
