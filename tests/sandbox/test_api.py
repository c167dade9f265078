"""The rules every call obeys: keys, permissions, parameters, idempotency, lists."""

import threading
import time
from typing import Any

import pytest
import requests
import stripe

from app.sandbox import Sandbox
from tests.sandbox.clients import (
    MERCHANT,
    MERCHANT_KEY,
    MERCHANT_SECRET_KEY,
    PLATFORM_KEY,
    client_for,
)

RESTRICTED: stripe.RequestOptions = {"api_key": MERCHANT_KEY}


def an_open_invoice(
    sandbox: Sandbox, merchant: stripe.StripeClient, *answers: str
) -> str:
    """Return the id of a renewal that was declined; `answers` are for later tries."""
    ann = sandbox.subscriber()
    assert ann.payment_method
    sandbox.script(ann.payment_method, "insufficient_funds", *answers)
    sandbox.advance(days=31)
    return merchant.v1.invoices.list({"subscription": ann.subscription}).data[0].id


class TestKeys:
    def test_a_missing_permission_is_named_with_the_account(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        sandbox.key(MERCHANT_KEY, revoke=["rak_invoice_write"])
        invoice = an_open_invoice(sandbox, merchant)
        with pytest.raises(stripe.PermissionError) as caught:
            merchant.v1.invoices.pay(invoice, {}, RESTRICTED)
        assert "'rak_invoice_write'" in str(caught.value)
        assert f"on account '{MERCHANT}'" in str(caught.value)
        assert len(sandbox.ledger()) == 2
        sandbox.key(MERCHANT_KEY, grant=["invoice_write"])
        paid = merchant.v1.invoices.pay(invoice, {}, RESTRICTED)
        assert paid.status == "paid"

    def test_write_implies_read(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        sandbox.key(MERCHANT_KEY, permissions=["invoice_write"])
        merchant.v1.invoices.list({}, RESTRICTED)
        with pytest.raises(stripe.PermissionError, match="rak_customer_read"):
            merchant.v1.customers.list({}, RESTRICTED)

    def test_an_expired_key_is_told_so(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        sandbox.key(MERCHANT_KEY, expired=True)
        with pytest.raises(stripe.AuthenticationError) as caught:
            merchant.v1.customers.list({}, RESTRICTED)
        assert caught.value.error
        assert caught.value.error.code == "api_key_expired"
        assert MERCHANT_KEY not in str(caught.value)

    def test_an_unknown_key_is_refused(self, merchant: stripe.StripeClient) -> None:
        with pytest.raises(stripe.AuthenticationError, match="Invalid API Key"):
            merchant.v1.customers.list({}, {"api_key": "rk_test_nobodyknowsthis"})

    def test_live_and_test_objects_do_not_meet(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        sandbox.subscriber(livemode=True)
        live: stripe.RequestOptions = {"api_key": "rk_live_sandboxMerchant"}
        (there,) = merchant.v1.customers.list({}, live).data
        assert there.livemode
        assert not merchant.v1.customers.list().data
        with pytest.raises(stripe.InvalidRequestError, match="exists in live mode"):
            merchant.v1.customers.retrieve(there.id)


class TestConnect:
    def test_a_platform_acts_only_for_accounts_that_let_it(
        self, sandbox: Sandbox, session: requests.Session
    ) -> None:
        platform = client_for(sandbox, PLATFORM_KEY, session=session)
        theirs: stripe.RequestOptions = {"stripe_account": MERCHANT}
        sandbox.subscriber()
        with pytest.raises(stripe.PermissionError) as caught:
            platform.v1.customers.list({}, theirs)
        assert caught.value.error
        assert caught.value.error.code == "account_invalid"
        sandbox.call("POST", "connect", {"account": MERCHANT})
        assert len(platform.v1.customers.list({}, theirs).data) == 1
        assert not platform.v1.customers.list().data

    def test_a_restricted_key_has_no_connect_permissions(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        sandbox.call("POST", "accounts", {"id": "acct_other"})
        options: stripe.RequestOptions = {
            "api_key": MERCHANT_KEY,
            "stripe_account": "acct_other",
        }
        with pytest.raises(stripe.PermissionError, match="any Connect permissions"):
            merchant.v1.customers.list({}, options)


class TestParameters:
    def test_an_unknown_parameter_is_refused(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        invoice = an_open_invoice(sandbox, merchant)
        unknown: Any = {"offsession": True}
        with pytest.raises(stripe.InvalidRequestError) as caught:
            merchant.v1.invoices.pay(invoice, unknown)
        assert caught.value.code == "parameter_unknown"
        assert len(sandbox.ledger()) == 2

    @pytest.mark.parametrize(
        ("query", "param"),
        [
            ("status=overdue", "status"),
            ("limit=ten", "limit"),
            ("limit=101", "limit"),
            ("created[since]=1", "created[since]"),
            ("customer[id]=1", "customer"),
            ("starting_after=in_unknown", "starting_after"),
        ],
    )
    def test_a_bad_filter_is_named(
        self, sandbox: Sandbox, session: requests.Session, query: str, param: str
    ) -> None:
        answer = session.get(
            f"{sandbox.url}/v1/invoices?{query}",
            headers={"Authorization": f"Bearer {MERCHANT_SECRET_KEY}"},
            timeout=5,
        )
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == param

    def test_what_is_required_must_be_there(
        self, sandbox: Sandbox, session: requests.Session
    ) -> None:
        answer = session.post(
            f"{sandbox.url}/v1/webhook_endpoints",
            data={"url": "http://127.0.0.1:1/"},
            headers={"Authorization": f"Bearer {MERCHANT_SECRET_KEY}"},
            timeout=5,
        )
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "parameter_missing"

    def test_an_unknown_address_is_a_404(
        self, sandbox: Sandbox, session: requests.Session
    ) -> None:
        answer = session.get(
            f"{sandbox.url}/v1/coffees",
            headers={"Authorization": f"Bearer {MERCHANT_SECRET_KEY}"},
            timeout=5,
        )
        assert answer.status_code == 404
        assert "Unrecognized request URL" in answer.json()["error"]["message"]


class TestIdempotency:
    def test_a_stored_decline_is_replayed_without_a_charge(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        invoice = an_open_invoice(sandbox, merchant, "do_not_honor")
        options: stripe.RequestOptions = {"idempotency_key": "retry-attempt-1"}
        with pytest.raises(stripe.CardError) as first:
            merchant.v1.invoices.pay(invoice, {}, options)
        with pytest.raises(stripe.CardError) as second:
            merchant.v1.invoices.pay(invoice, {}, options)
        assert "Idempotent-Replayed" not in (first.value.headers or {})
        assert (second.value.headers or {})["Idempotent-Replayed"] == "true"
        assert second.value.http_body == first.value.http_body
        assert len(sandbox.ledger()) == 3

    def test_a_key_is_forgotten_after_a_day(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        invoice = an_open_invoice(sandbox, merchant, "do_not_honor")
        options: stripe.RequestOptions = {"idempotency_key": "retry-attempt-1"}
        with pytest.raises(stripe.CardError):
            merchant.v1.invoices.pay(invoice, {}, options)
        sandbox.advance(hours=24)
        assert merchant.v1.invoices.pay(invoice, {}, options).status == "paid"

    def test_a_key_is_bound_to_its_body(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        invoice = an_open_invoice(sandbox, merchant)
        options: stripe.RequestOptions = {"idempotency_key": "retry-attempt-1"}
        merchant.v1.invoices.pay(invoice, {"off_session": True}, options)
        with pytest.raises(stripe.IdempotencyError):
            merchant.v1.invoices.pay(invoice, {"off_session": False}, options)

    def test_a_refused_parameter_leaves_the_key_free(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        invoice = an_open_invoice(sandbox, merchant)
        options: stripe.RequestOptions = {"idempotency_key": "retry-attempt-1"}
        unknown: Any = {"nonsense": 1}
        with pytest.raises(stripe.InvalidRequestError):
            merchant.v1.invoices.pay(invoice, unknown, options)
        assert merchant.v1.invoices.pay(invoice, {}, options).status == "paid"

    def test_a_running_call_answers_409_to_its_double(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        invoice = an_open_invoice(sandbox, merchant)
        options: stripe.RequestOptions = {"idempotency_key": "retry-attempt-1"}
        sandbox.fault(path="/v1/invoices/*/pay", do="delay", seconds=0.5)
        with requests.Session() as other:
            slow = client_for(sandbox, MERCHANT_SECRET_KEY, session=other)
            first = threading.Thread(
                target=slow.v1.invoices.pay, args=(invoice, {}, options)
            )
            first.start()
            while not sandbox.world.stored_results:
                time.sleep(0.01)
            with pytest.raises(stripe.APIError) as caught:
                merchant.v1.invoices.pay(invoice, {}, options)
            first.join()
        assert caught.value.http_status == 409
        assert caught.value.error
        assert caught.value.error.code == "idempotency_key_in_use"
        assert merchant.v1.invoices.retrieve(invoice).status == "paid"

    def test_the_key_we_sent_comes_back_in_the_events(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        invoice = an_open_invoice(sandbox, merchant)
        merchant.v1.invoices.pay(invoice, {}, {"idempotency_key": "retry-attempt-1"})
        event = merchant.v1.events.list({"type": "invoice.paid", "limit": 1}).data[0]
        assert event.request
        assert event.request.idempotency_key == "retry-attempt-1"
        assert str(event.request.id).startswith("req_")
        assert sandbox.ledger()[-1]["idempotency_key"] == "retry-attempt-1"


class TestExpand:
    def test_five_levels_are_too_many(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        invoice = an_open_invoice(sandbox, merchant)
        path = "payments.data.payment.payment_intent.latest_charge"
        with pytest.raises(stripe.InvalidRequestError) as caught:
            merchant.v1.invoices.retrieve(invoice, {"expand": [path]})
        assert caught.value.code == "property_expansion_max_depth"

    def test_an_expansion_needs_the_permission_of_what_it_shows(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        invoice = an_open_invoice(sandbox, merchant)
        sandbox.key(MERCHANT_KEY, permissions=["invoice_read", "payment_intent_read"])
        paths = ["data.payment.payment_intent"]
        params: stripe.params.InvoicePaymentListParams = {"invoice": invoice}
        merchant.v1.invoice_payments.list({**params, "expand": paths}, RESTRICTED)
        deeper = ["data.payment.payment_intent.latest_charge"]
        with pytest.raises(stripe.PermissionError, match="rak_charge_read"):
            merchant.v1.invoice_payments.list({**params, "expand": deeper}, RESTRICTED)

    def test_what_is_no_reference_cannot_be_expanded(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        invoice = an_open_invoice(sandbox, merchant)
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
            merchant.v1.invoices.retrieve(invoice, {"expand": ["status"]})


class TestLists:
    def test_pages_follow_each_other_without_gap_or_double(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        for number in range(25):
            merchant.v1.customers.create({"name": f"Customer {number}"})
        page = merchant.v1.customers.list({"limit": 7})
        names = [customer.name for customer in page.auto_paging_iter()]
        assert names == [f"Customer {number}" for number in reversed(range(25))]

    def test_a_page_before_another_is_the_one_seen_before(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        for number in range(6):
            merchant.v1.customers.create({"name": str(number)})
        first = merchant.v1.customers.list({"limit": 2})
        second = merchant.v1.customers.list(
            {"limit": 2, "starting_after": first.data[-1].id}
        )
        back = merchant.v1.customers.list(
            {"limit": 2, "ending_before": second.data[0].id}
        )
        assert [c.name for c in back.data] == [c.name for c in first.data] == ["5", "4"]

    def test_open_invoices_are_found_by_what_they_are(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        invoice = an_open_invoice(sandbox, merchant)
        found = merchant.v1.invoices.list(
            {"status": "open", "collection_method": "charge_automatically"}
        )
        assert [one.id for one in found.data] == [invoice]
        later = merchant.v1.invoices.list({"created": {"gt": found.data[0].created}})
        assert not later.data

    def test_canceled_subscriptions_are_listed_when_asked_for(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        ann = sandbox.subscriber()
        merchant.v1.subscriptions.cancel(ann.subscription)
        assert not merchant.v1.subscriptions.list().data
        assert merchant.v1.subscriptions.list({"status": "all"}).data
        assert merchant.v1.subscriptions.list({"status": "canceled"}).data

    def test_payments_are_found_by_their_intent(
        self, sandbox: Sandbox, merchant: stripe.StripeClient
    ) -> None:
        invoice = an_open_invoice(sandbox, merchant)
        charge = merchant.v1.charges.list({"limit": 1}).data[0]
        payments = merchant.v1.invoice_payments.list(
            {
                "payment": {
                    "type": "payment_intent",
                    "payment_intent": str(charge.payment_intent),
                }
            }
        )
        assert [str(one.invoice) for one in payments.data] == [invoice]


def test_three_hundred_answers_take_less_than_a_second(
    sandbox: Sandbox, session: requests.Session
) -> None:
    sandbox.subscriber()
    headers = {"Authorization": f"Bearer {MERCHANT_SECRET_KEY}"}
    began = time.process_time()  # the sandbox's included; others' work does not count
    for _ in range(300):
        session.get(f"{sandbox.url}/v1/invoices", headers=headers, timeout=5)
    # A third of it is needed, most of that in requests.
    assert time.process_time() - began < 3
