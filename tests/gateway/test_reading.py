"""Each field that we read off Stripe's objects, and what we make of missing ones."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from app.domain.cases import Card
from app.domain.declines import Codes
from app.domain.money import Money
from app.domain.snapshots import (
    AccountSnapshot,
    CardChoice,
    ChargeSnapshot,
    CustomerSnapshot,
    InvoiceSnapshot,
    Page,
    PaymentMethodSnapshot,
    PaymentSnapshot,
    SubscriptionSnapshot,
)
from app.stripe_gateway import (
    Credentials,
    Gone,
    PermissionMissing,
    StripeGateway,
    StripeUnavailable,
    charges,
    customers,
    invoices,
    subscriptions,
)
from app.stripe_gateway.envelopes import envelope_or_none
from tests.gateway.conftest import API, KEY, a_list, an_error, asked, recorded

INVOICE = f"{API}/v1/invoices/in_1"
PAYMENTS = f"{API}/v1/invoice_payments"
CHARGES = f"{API}/v1/charges"
NORA = CustomerSnapshot(
    id="cus_TNora1",
    name="Nora Nilsen",
    email="nora@example.com",
    country="BR",
    timezone="America/Sao_Paulo",
    locale="pt-BR",
    default_payment_method="pm_newer",
)
CODES = Codes("insufficient_funds", "try_again_later", "51", "02")
SUBSCRIPTION = SubscriptionSnapshot(
    id="sub_1",
    status="past_due",
    customer=CustomerSnapshot("cus_TNora1"),
    livemode=False,
    created=datetime(2025, 5, 31, 14, 0, tzinfo=UTC),
    plan_name="Studio monthly",
    interval="month",
    amount=1900,
    currency="usd",
    current_period_start=datetime(2025, 11, 1, 12, 0, tzinfo=UTC),
    current_period_end=datetime(2025, 12, 1, 12, 0, tzinfo=UTC),
    collection_method="charge_automatically",
    default_payment_method="pm_older",
    latest_invoice_id="in_1",
)


def read_invoice(
    gateway: StripeGateway, wire: responses.RequestsMock, **over: Any
) -> InvoiceSnapshot:
    wire.get(INVOICE, json=recorded("invoice", **over))
    invoice = gateway.invoice("in_1")
    assert invoice is not None
    return invoice


def test_one_read_gives_the_whole_invoice(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    invoice = read_invoice(gateway, wire)

    assert invoice == InvoiceSnapshot(
        id="in_1",
        status="open",
        customer=NORA,
        livemode=False,
        currency="usd",
        amount_due=1900,
        amount_remaining=1900,
        billing_reason="subscription_cycle",
        collection_method="charge_automatically",
        attempt_count=1,
        attempted=True,
        created=datetime(2025, 11, 1, 12, 0, tzinfo=UTC),
        finalized_at=datetime(2025, 11, 1, 13, 0, tzinfo=UTC),
        period_start=datetime(2025, 10, 1, 12, 0, tzinfo=UTC),
        period_end=datetime(2025, 11, 1, 12, 0, tzinfo=UTC),
        hosted_invoice_url="https://invoice.stripe.com/i/acct_1/test_abc",
        number="A1B2C3D4-0006",
        subscription_id="sub_1",
        subscription=SUBSCRIPTION,
        payments=(
            PaymentSnapshot(
                id="inpay_1",
                status="open",
                is_default=True,
                kind="payment_intent",
                payment_intent_id="pi_1",
                charge_id="ch_1",
                intent_status="requires_payment_method",
                last_error_code="card_declined",
                last_codes=CODES,
            ),
        ),
        is_whole=True,
    )
    assert invoice.remaining == Money(1900, "usd")
    assert invoice.payment_intent_ids == ("pi_1",)
    assert len(wire.calls) == 1


def test_a_subscription_that_came_as_an_id_is_read_by_itself(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(f"{API}/v1/subscriptions/sub_1", json=recorded("subscription"))
    details = {"subscription": "sub_1"}
    invoice = read_invoice(
        gateway,
        wire,
        parent={"type": "subscription_details", "subscription_details": details},
    )

    assert invoice.subscription is not None
    assert (invoice.subscription.id, invoice.subscription.status) == (
        "sub_1",
        "past_due",
    )


def test_no_expansion_is_deeper_than_stripe_allows(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    read_invoice(gateway, wire)
    wire.get(f"{API}/v1/subscriptions/sub_1", json=recorded("subscription"))
    gateway.subscription("sub_1")

    asked_for = [
        value
        for call in wire.calls
        for name, values in asked(call).items()
        if name.startswith("expand")
        for value in values
    ]

    assert "payments.data.payment.payment_intent" in asked_for
    assert max(expansion.count(".") + 1 for expansion in asked_for) <= 4


def test_an_end_is_read_with_its_times(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    seconds = 1762100000
    invoice = read_invoice(
        gateway,
        wire,
        status="uncollectible",
        next_payment_attempt=seconds,
        auto_advance=True,
        status_details={"uncollectible": {"reason": "subscription_canceled"}},
        status_transitions={
            "paid_at": seconds,
            "voided_at": seconds + 1,
            "marked_uncollectible_at": seconds + 2,
        },
    )

    then = datetime.fromtimestamp(seconds, UTC)
    assert invoice.next_payment_attempt == then
    assert invoice.auto_advance
    assert invoice.paid_at == then
    assert invoice.voided_at == then + timedelta(seconds=1)
    assert invoice.marked_uncollectible_at == then + timedelta(seconds=2)
    assert invoice.uncollectible_reason == "subscription_canceled"


def test_a_list_gives_extracts_and_where_it_goes_on(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    extract = recorded("invoice.unexpanded")
    wire.get(f"{API}/v1/invoices", json=a_list(extract, has_more=True))

    page = gateway.open_invoices(
        after="in_0", created_gte=datetime(2025, 11, 1, 12, 0, tzinfo=UTC)
    )

    (invoice,) = page
    assert page.next_after == "in_1"
    assert (invoice.customer.id, invoice.customer.name) == ("cus_TNora1", "Nora Nilsen")
    assert (invoice.subscription_id, invoice.subscription) == ("sub_1", None)
    assert not invoice.is_whole
    assert not invoice.is_dead
    assert asked(wire.calls[0]) == {
        "status": ["open"],
        "collection_method": ["charge_automatically"],
        "created[gte]": ["1761998400"],
        "starting_after": ["in_0"],
        "limit": ["100"],
    }


def test_the_last_page_leads_nowhere(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(f"{API}/v1/invoices", json=a_list(recorded("invoice.unexpanded")))

    assert gateway.invoices_of("sub_1").next_after is None
    assert asked(wire.calls[0]) == {"subscription": ["sub_1"], "limit": ["100"]}


def payment(status: str, intent_status: str, **more: Any) -> dict[str, Any]:
    made = {
        "type": "payment_intent",
        "payment_intent": {"id": f"pi_{intent_status}", "status": intent_status},
    }
    return {"id": "inpay_1", "status": status, "payment": made, **more}


RETRYABLE = payment("open", "requires_payment_method")
CANCELED = payment("canceled", "canceled")


@pytest.mark.parametrize(
    ("status", "payments", "is_dead"),
    [
        ("open", [CANCELED], True),
        ("uncollectible", [CANCELED, CANCELED], True),
        # Stripe may cancel the intent a moment before it cancels the payment.
        ("open", [payment("open", "canceled")], True),
        ("open", [RETRYABLE], False),
        ("open", [CANCELED, RETRYABLE], False),
        # Without a card there is no payment yet; a new card makes one.
        ("open", [], False),
        ("open", [payment("paid", "succeeded")], False),
        ("open", [payment("paid", "succeeded"), CANCELED], True),
        ("paid", [CANCELED, payment("paid", "succeeded")], False),
        ("void", [CANCELED], False),
    ],
)
def test_an_invoice_is_dead_when_stripe_gave_its_payment_up(
    gateway: StripeGateway,
    wire: responses.RequestsMock,
    status: str,
    payments: list[dict[str, Any]],
    is_dead: bool,
) -> None:
    invoice = read_invoice(gateway, wire, status=status, payments=a_list(*payments))

    assert invoice.is_dead is is_dead


def test_life_is_judged_by_all_payments_even_of_a_long_list(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(PAYMENTS, json=a_list(CANCELED, RETRYABLE))

    invoice = read_invoice(gateway, wire, payments=a_list(CANCELED, has_more=True))

    assert not invoice.is_dead
    assert asked(wire.calls[1]) == {
        "invoice": ["in_1"],
        "expand[0]": ["data.payment.payment_intent"],
        "limit": ["100"],
    }


def test_the_default_payment_comes_first(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    first = payment("open", "requires_payment_method", is_default=True)

    invoice = read_invoice(gateway, wire, payments=a_list(CANCELED, first, CANCELED))

    assert invoice.payment_intent_ids == ("pi_requires_payment_method", "pi_canceled")


@pytest.mark.parametrize(
    ("over", "out_of_band"),
    [
        ({"amount_paid_off_stripe": 1900}, True),
        (
            {
                "payments": a_list(
                    {"status": "paid", "payment": {"type": "payment_record"}}
                )
            },
            True,
        ),
        ({"payments": a_list(CANCELED)}, True),
        ({"payments": a_list(payment("paid", "succeeded"))}, False),
        ({"payments": a_list(), "amount_due": 0}, False),
        ({"status": "open", "payments": a_list()}, False),
    ],
)
def test_money_that_came_another_way_is_told_apart(
    gateway: StripeGateway,
    wire: responses.RequestsMock,
    over: dict[str, Any],
    out_of_band: bool,
) -> None:
    invoice = read_invoice(gateway, wire, **{"status": "paid", **over})

    assert invoice.is_paid_out_of_band is out_of_band


def parent(**over: Any) -> dict[str, Any]:
    own = {"id": "sub_1", "object": "subscription", "items": a_list(), **over}
    return {"subscription_details": {"subscription": own}}


def payer(**over: Any) -> dict[str, Any]:
    return {"id": "cus_1", "object": "customer", **over}


@pytest.mark.parametrize(
    ("over", "choice", "is_trap"),
    [
        (
            {
                "default_payment_method": "pm_i",
                "parent": parent(default_payment_method="pm_s"),
                "customer": payer(),
            },
            CardChoice("pm_i", "invoice"),
            False,
        ),
        (
            {
                "parent": parent(default_payment_method="pm_s", default_source="src_s"),
                "customer": payer(invoice_settings={"default_payment_method": "pm_c"}),
            },
            CardChoice("pm_s", "subscription"),
            True,
        ),
        (
            {
                "parent": parent(default_source="card_s"),
                "customer": payer(default_source="card_s"),
            },
            CardChoice("card_s", "subscription"),
            False,
        ),
        (
            {
                "parent": parent(),
                "customer": payer(
                    invoice_settings={"default_payment_method": {"id": "pm_c"}},
                    default_source="card_c",
                ),
            },
            CardChoice("pm_c", "customer"),
            False,
        ),
        (
            {"parent": None, "customer": payer(default_source="card_c")},
            CardChoice("card_c", "customer"),
            False,
        ),
        ({"parent": parent(), "customer": payer()}, None, False),
    ],
)
def test_the_card_that_will_be_charged_is_known_and_so_is_the_trap(
    gateway: StripeGateway,
    wire: responses.RequestsMock,
    over: dict[str, Any],
    choice: CardChoice | None,
    is_trap: bool,
) -> None:
    invoice = read_invoice(gateway, wire, **over)

    assert invoice.card_choice == choice
    assert invoice.is_card_trap is is_trap


def test_a_subscription_is_read_with_its_customer_and_product(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(f"{API}/v1/subscriptions/sub_1", json=recorded("subscription"))

    assert gateway.subscription("sub_1") == dataclasses.replace(
        SUBSCRIPTION, customer=NORA, product_name="Studio"
    )


def test_an_ending_subscription_says_how_and_when(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    seconds = 1762100000
    json = recorded(
        "subscription",
        status="canceled",
        trial_end=seconds,
        cancel_at=seconds + 1,
        cancel_at_period_end=True,
        canceled_at=seconds + 2,
        ended_at=seconds + 3,
        cancellation_details={"reason": "payment_failed"},
        pause_collection={"behavior": "void", "resumes_at": seconds + 4},
    )
    wire.get(f"{API}/v1/subscriptions/sub_1", json=json)

    found = gateway.subscription("sub_1")

    assert found is not None
    then = datetime.fromtimestamp(seconds, UTC)
    assert found.is_over
    assert found.cancellation_reason == "payment_failed"
    assert found.cancel_at_period_end
    times = (found.trial_end, found.cancel_at, found.canceled_at, found.ended_at)
    assert times == tuple(then + timedelta(seconds=n) for n in range(4))
    assert found.pause_behavior == "void"
    assert found.pause_resumes_at == then + timedelta(seconds=4)


def test_several_items_are_added_up_and_usage_counts_nothing_yet(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    seats = {"price": {"unit_amount": 500}, "quantity": 3}
    usage = {"price": {"unit_amount": 2, "recurring": {"usage_type": "metered"}}}
    tiers = {"price": {"unit_amount": None}, "quantity": 1}
    json = recorded("subscription", items=a_list(seats, usage, tiers))
    wire.get(f"{API}/v1/subscriptions/sub_1", json=json)

    found = gateway.subscription("sub_1")

    assert found is not None
    assert found.amount == 1500


def test_a_declined_charge_is_read_whole(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(f"{CHARGES}/ch_1", json=recorded("charge.declined"))

    charge = gateway.charge("ch_1")

    assert charge == ChargeSnapshot(
        id="ch_1",
        status="failed",
        livemode=False,
        created=datetime(2025, 11, 1, 13, 0, 1, tzinfo=UTC),
        amount=1900,
        currency="usd",
        customer_id="cus_TNora1",
        payment_intent_id="pi_1",
        payment_method_id="pm_older",
        payment_method_kind="card",
        failure_code="card_declined",
        failure_message="Your card has insufficient funds.",
        outcome_reason="insufficient_funds",
        codes=Codes(
            decline_code="insufficient_funds",
            advice_code="try_again_later",
            network_decline_code="51",
            network_advice_code="02",
            outcome_type="issuer_declined",
            network_status="declined_by_network",
            network="visa",
        ),
        card=Card(
            brand="visa",
            network="visa",
            funding="debit",
            country="BR",
            fingerprint="Xt5EWLLDS7FJjR1c",
            issuer="Banco Exemplo",
            iin="400000",
        ),
        last4="0341",
        exp_month=4,
        exp_year=2028,
    )
    assert charge.is_declined


def test_of_an_issuer_no_more_is_read_than_is_kept(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    """Six digits of the number: eight and the last four would be most of it."""
    json = recorded("charge.declined")
    card = json["payment_method_details"]["card"]
    card |= {"issuer": "Bank " * 50, "iin": "40000012"}
    wire.get(f"{CHARGES}/ch_1", json=json)

    charge = gateway.charge("ch_1")

    assert charge is not None
    assert charge.card.issuer == "Bank " * 20
    assert charge.card.iin == "400000"


def test_a_charge_that_stripe_blocked_says_that_the_bank_never_saw_it(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(f"{CHARGES}/ch_2", json=recorded("charge.blocked"))

    charge = gateway.charge("ch_2")

    assert charge is not None
    assert charge.codes.decline_code == "previously_declined_do_not_retry"
    assert charge.codes.outcome_type == "blocked"
    assert charge.codes.network_status == "not_sent_to_network"


def test_a_charge_that_passed_has_no_decline_code(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(f"{CHARGES}/ch_3", json=recorded("charge.paid"))

    charge = gateway.charge("ch_3")

    assert charge is not None
    assert charge.paid
    assert not charge.is_declined
    assert charge.codes.decline_code is None
    assert charge.outcome_reason == "elevated_risk_level"


def test_a_refused_bank_debit_has_its_failure_code_and_no_card(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(f"{CHARGES}/py_1", json=recorded("charge.bank_debit"))

    charge = gateway.charge("py_1")

    assert charge is not None
    assert charge.codes == Codes(decline_code="insufficient_funds")
    assert (charge.payment_method_kind, charge.card) == ("sepa_debit", Card())


def test_the_charges_of_a_payment_come_oldest_first(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    newest_first = a_list(recorded("charge.blocked"), recorded("charge.declined"))
    wire.get(CHARGES, json=newest_first)

    assert [charge.id for charge in gateway.charges("pi_1")] == ["ch_1", "ch_2"]
    assert asked(wire.calls[0]) == {"payment_intent": ["pi_1"], "limit": ["100"]}


def test_a_customers_charges_are_asked_for_since_a_day(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(CHARGES, json=a_list(recorded("charge.paid")))

    since = datetime(2025, 11, 1, 12, 0, tzinfo=UTC)
    charges = gateway.customer_charges("cus_1", since=since, limit=500)

    assert [charge.id for charge in charges] == ["ch_3"]
    assert asked(wire.calls[0]) == {
        "customer": ["cus_1"],
        "created[gte]": ["1761998400"],
        "limit": ["100"],
    }


@pytest.mark.parametrize(
    ("payments", "invoice_id"),
    [
        ([{"invoice": "in_7"}], "in_7"),
        ([{"invoice": {"id": "in_8"}}], "in_8"),
        ([], None),
    ],
)
def test_a_payment_leads_back_to_its_invoice(
    gateway: StripeGateway,
    wire: responses.RequestsMock,
    payments: list[dict[str, Any]],
    invoice_id: str | None,
) -> None:
    wire.get(PAYMENTS, json=a_list(*payments))

    assert gateway.invoice_id_of("pi_1") == invoice_id
    assert asked(wire.calls[0]) == {
        "payment[type]": ["payment_intent"],
        "payment[payment_intent]": ["pi_1"],
        "limit": ["1"],
    }


def test_the_account_is_known_by_the_name_on_its_dashboard(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(f"{API}/v1/account", json=recorded("account"))

    assert gateway.account() == AccountSnapshot(
        id="acct_1Lantern",
        livemode=False,
        name="Paper Lantern",
        country="US",
        default_currency="usd",
        timezone="America/New_York",
    )


def test_a_live_key_makes_a_live_account(wire: responses.RequestsMock) -> None:
    wire.get(f"{API}/v1/account", json=recorded("account"))

    assert StripeGateway(Credentials("rk_live_x")).account().livemode


def test_a_connected_account_is_named_in_every_call(
    wire: responses.RequestsMock,
) -> None:
    wire.get(f"{API}/v1/account", json=recorded("account"))

    StripeGateway(Credentials("sk_test_x", "acct_1Lantern")).account()

    assert wire.calls[0].request.headers["Stripe-Account"] == "acct_1Lantern"


def test_an_account_that_may_not_be_read_still_tells_its_id(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    message = (
        f"The provided key '{KEY}' does not have the required permissions for this "
        "endpoint on account 'acct_1Lantern'. Having the 'rak_connected_account_read' "
        "permission would allow this request to continue."
    )
    wire.get(f"{API}/v1/account", status=403, json=an_error(message=message))

    with pytest.raises(PermissionMissing) as caught:
        gateway.account()

    assert caught.value.account == "acct_1Lantern"
    assert caught.value.permission == "rak_connected_account_read"
    assert KEY not in caught.value.sentence


@pytest.mark.parametrize(
    ("over", "timezone"),
    [
        ({"metadata": {"tz": "Europe/Berlin"}}, "Europe/Berlin"),
        ({"metadata": {"timezone": "Mars/Olympus", "tz": "Asia/Tokyo"}}, "Asia/Tokyo"),
        ({"metadata": {"timezone": "../../etc/passwd"}}, None),
        ({"metadata": {"timezone": "Europe"}}, None),
        ({"metadata": {"timezone": "x" * 9000}}, None),
        ({"metadata": None}, None),
    ],
)
def test_a_customers_zone_is_believed_only_if_there_is_one(
    gateway: StripeGateway,
    wire: responses.RequestsMock,
    over: dict[str, Any],
    timezone: str | None,
) -> None:
    wire.get(f"{API}/v1/customers/cus_TNora1", json=recorded("customer", **over))

    found = gateway.customer("cus_TNora1")

    assert found is not None
    assert found.timezone == timezone


def test_a_deleted_customer_is_known_to_be_deleted(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    json = {"id": "cus_1", "object": "customer", "deleted": True}
    wire.get(f"{API}/v1/customers/cus_1", json=json)

    assert gateway.customer("cus_1") == CustomerSnapshot("cus_1", is_deleted=True)


def test_a_name_that_no_database_can_hold_is_made_one_that_it_can(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    json = {**recorded("customer"), "name": "No\x00ra \ud800 ✓"}
    wire.get(f"{API}/v1/customers/cus_TNora1", json=json)

    found = gateway.customer("cus_TNora1")

    assert found is not None
    assert found.name == "Nora ? ✓"


def test_a_saved_card_is_read(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(f"{API}/v1/payment_methods/pm_newer", json=recorded("payment_method"))

    assert gateway.payment_method("pm_newer") == PaymentMethodSnapshot(
        id="pm_newer",
        kind="card",
        customer_id="cus_TNora1",
        card=Card(
            brand="mastercard", funding="credit", country="BR", fingerprint="Yu7"
        ),
        last4="4444",
        exp_month=11,
        exp_year=2030,
    )


def test_missed_events_are_listed_by_type(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    failed = recorded("event.invoice.payment_failed")
    wire.get(f"{API}/v1/events", json=a_list(failed, {"id": 7}, has_more=True))

    page = gateway.undelivered_events(
        ["invoice.payment_failed", "invoice.paid"], after="evt_0"
    )

    assert [(event.id, event.object_id) for event in page] == [("evt_1Failed", "in_1")]
    assert page.next_after == "evt_1Failed"
    assert asked(wire.calls[0]) == {
        "types[0]": ["invoice.payment_failed"],
        "types[1]": ["invoice.paid"],
        "delivery_success": ["false"],
        "starting_after": ["evt_0"],
        "limit": ["100"],
    }


def test_events_are_listed_since_a_time(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(f"{API}/v1/events", json=a_list())

    since = datetime(2025, 11, 1, 12, 0, tzinfo=UTC)

    assert gateway.events(["invoice.paid"], created_gte=since) == Page()
    assert asked(wire.calls[0])["created[gte]"] == ["1761998400"]


def test_more_types_than_stripe_takes_are_never_asked_for(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    with pytest.raises(ValueError, match="at most 20"):
        gateway.events(["invoice.paid"] * 21)


READS = [
    ("invoice", "invoice", "invoices"),
    ("subscription", "subscription", "subscriptions"),
    ("customer", "customer", "customers"),
    ("payment_method", "payment_method", "payment_methods"),
    ("charge", "charge.declined", "charges"),
]


@pytest.mark.parametrize(("call", "fixture", "folder"), READS)
def test_no_missing_or_empty_field_breaks_a_read(
    gateway: StripeGateway,
    wire: responses.RequestsMock,
    call: str,
    fixture: str,
    folder: str,
) -> None:
    wire.assert_all_requests_are_fired = False
    wire.get(PAYMENTS, json=a_list())
    whole = recorded(fixture)
    core = {"id": whole["id"], "object": whole["object"]}
    bodies = [core]
    for name in whole.keys() - core.keys():
        bodies += [{**whole, name: None}, {k: whole[k] for k in whole if k != name}]
    for body in bodies:
        wire.upsert("GET", f"{API}/v1/{folder}/{whole['id']}", json=body)

        snapshot = getattr(gateway, call)(whole["id"])

        assert snapshot.id == whole["id"]


ODD: tuple[Any, ...] = (None, "odd", 7, -1, 10**30, True, 1.5, [], {}, ["x"], [None])


def with_one_oddity(json: Any, odd: Any) -> Iterator[Any]:
    """Every version of `json` in which one value, at any depth, is `odd` instead."""
    pairs: Any = ()
    if isinstance(json, dict):
        pairs = json.items()
    elif isinstance(json, list):
        pairs = enumerate(json)
    for key, value in pairs:
        for version in (odd, *with_one_oddity(value, odd)):
            copied = json.copy()
            copied[key] = version
            yield copied


@pytest.mark.parametrize("odd", ODD)
def test_no_odd_value_at_any_depth_breaks_a_snapshot(odd: Any) -> None:
    readers: list[tuple[str, Callable[[Any], object]]] = [
        ("invoice", lambda json: invoices.invoice(json, payments_of(json))),
        ("subscription", subscriptions.subscription),
        ("customer", customers.customer),
        ("payment_method", customers.payment_method),
        ("charge.declined", charges.charge),
        ("account", lambda json: customers.account(json, livemode=False)),
        ("webhook_endpoint", customers.webhook_endpoint),
        ("event.customer.updated", envelope_or_none),
    ]
    for fixture, reader in readers:
        for json in with_one_oddity(recorded(fixture), odd):
            snapshot = reader(json)

            if isinstance(snapshot, InvoiceSnapshot):
                assert isinstance(snapshot.is_dead, bool)
                assert isinstance(snapshot.is_card_trap, bool)
                assert isinstance(snapshot.is_paid_out_of_band, bool)


def payments_of(json: dict[str, Any]) -> tuple[PaymentSnapshot, ...]:
    return invoices.payments(json["payments"])


@pytest.mark.parametrize(
    ("call", "path"),
    [
        ("invoice", "invoices"),
        ("subscription", "subscriptions"),
        ("customer", "customers"),
        ("charge", "charges"),
        ("payment_method", "payment_methods"),
    ],
)
def test_what_is_not_there_is_none(
    gateway: StripeGateway, wire: responses.RequestsMock, call: str, path: str
) -> None:
    error = an_error("resource_missing", "No such object: 'x_1'")
    wire.get(f"{API}/v1/{path}/x_1", status=404, json=error)

    assert getattr(gateway, call)("x_1") is None


def test_the_charges_of_a_payment_that_is_not_there_are_not_none_but_gone(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(CHARGES, status=404, json=an_error("resource_missing"))

    with pytest.raises(Gone):
        gateway.charges("pi_1")


@pytest.mark.parametrize("body", ["{}", "[]", "oops", '{"object": "invoice"}'])
def test_a_read_that_brings_something_else_brings_nothing(
    gateway: StripeGateway, wire: responses.RequestsMock, body: str
) -> None:
    wire.get(INVOICE, body=body)
    wire.get(CHARGES, body=body)

    with pytest.raises(StripeUnavailable):
        gateway.invoice("in_1")
    with pytest.raises(StripeUnavailable):
        gateway.charges("pi_1")


def test_a_lost_answer_is_asked_for_again(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(INVOICE, status=500, json=an_error(type="api_error"))
    wire.get(INVOICE, status=503, body="busy")
    wire.get(INVOICE, json=recorded("invoice"))

    assert gateway.invoice("in_1") is not None


def test_reading_gives_up_after_three_tries(
    gateway: StripeGateway, wire: responses.RequestsMock
) -> None:
    wire.get(INVOICE, status=500, json=an_error(type="api_error"))

    with pytest.raises(StripeUnavailable):
        gateway.invoice("in_1")

    assert len(wire.calls) == 3
