"""Every call of the gateway over real HTTP, against a Stripe that keeps state.

The sandbox checks each request against the parameter types in the stripe package, so
a misspelt parameter or a too deep expansion fails here.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from app.domain.pay_results import (
    Declined,
    NeedsAction,
    NotPayable,
    NotPayableKind,
    Paid,
)
from app.domain.snapshots import InvoiceSnapshot
from app.sandbox import Sandbox
from app.sandbox.founding import (
    MERCHANT,
    MERCHANT_KEY,
    MERCHANT_SECRET_KEY,
    PLATFORM_KEY,
)
from app.stripe_gateway import (
    Credentials,
    CredentialsRefused,
    Gone,
    KeyReused,
    PermissionMissing,
    PermissionStatus,
    StripeGateway,
    StripeUnavailable,
    verified,
)

EVENTS = ["invoice.payment_failed", "invoice.paid", "charge.failed"]


@dataclass
class Shop:
    """A merchant with one subscriber, whose renewal was just declined."""

    gateway: StripeGateway
    subscription_id: str
    customer_id: str
    card_id: str

    @property
    def invoice(self) -> InvoiceSnapshot:
        newest = self.gateway.invoices_of(self.subscription_id).items[0]
        invoice = self.gateway.invoice(newest.id)
        assert invoice is not None
        return invoice


def gateway_to(sandbox: Sandbox, key: str, account: str | None = None) -> StripeGateway:
    return StripeGateway(
        Credentials(key, account), api_base=sandbox.url, connect_base=sandbox.url
    )


def declined_renewal(sandbox: Sandbox, *answers: str) -> Shop:
    ann = sandbox.subscriber(country="BR", card_on="subscription")
    assert ann.payment_method
    sandbox.script(ann.payment_method, *(answers or ("insufficient_funds",)))
    sandbox.advance(days=30, hours=2)
    gateway = gateway_to(sandbox, MERCHANT_KEY)
    return Shop(gateway, ann.subscription, ann.customer, ann.payment_method)


def test_a_declined_renewal_is_seen_whole_and_then_paid(sandbox: Sandbox) -> None:
    shop = declined_renewal(sandbox)

    invoice = shop.invoice
    assert (invoice.status, invoice.billing_reason) == ("open", "subscription_cycle")
    assert invoice.is_whole
    assert not invoice.is_dead
    assert invoice.next_payment_attempt is None
    assert (invoice.amount_remaining, invoice.currency) == (1500, "usd")
    assert (invoice.customer.name, invoice.customer.country) == ("Ann Example", "BR")
    assert invoice.subscription_id == shop.subscription_id
    assert invoice.subscription is not None
    assert (invoice.subscription.status, invoice.subscription.interval) == (
        "past_due",
        "month",
    )
    assert invoice.subscription.current_period_end is not None
    assert invoice.card_choice is not None
    assert (invoice.card_choice.id, invoice.card_choice.set_on) == (
        shop.card_id,
        "subscription",
    )
    (payment,) = invoice.payments
    assert (payment.status, payment.intent_status) == (
        "open",
        "requires_payment_method",
    )
    assert payment.last_codes is not None
    assert payment.last_codes.decline_code == "insufficient_funds"

    (charge,) = shop.gateway.charges(invoice.payment_intent_ids[0])
    assert charge.is_declined
    assert charge.codes.decline_code == "insufficient_funds"
    assert charge.codes.outcome_type == "issuer_declined"
    assert charge.codes.network == charge.card.network == "visa"
    assert charge.card.fingerprint
    assert charge.last4
    assert charge.payment_method_id == shop.card_id
    assert shop.gateway.invoice_id_of(charge.payment_intent_id or "") == invoice.id
    assert shop.gateway.charge(charge.id) == charge

    result = shop.gateway.pay(invoice.id, idempotency_key="attempt-1")

    assert result == Paid(1500, "usd")
    again = shop.gateway.pay(invoice.id, idempotency_key="attempt-1")
    assert again == Paid(1500, "usd", replayed=True)
    paid = shop.invoice
    assert (paid.status, paid.amount_remaining) == ("paid", 0)
    assert paid.paid_at is not None
    assert not paid.is_paid_out_of_band
    outcomes = [c.status for c in shop.gateway.charges(paid.payment_intent_ids[0])]
    assert outcomes == ["failed", "succeeded"]


def test_a_retry_that_is_declined_names_its_charge(sandbox: Sandbox) -> None:
    shop = declined_renewal(sandbox, "insufficient_funds", "do_not_honor")

    result = shop.gateway.pay(shop.invoice.id, idempotency_key="attempt-1")

    assert isinstance(result, Declined)
    assert result.codes.decline_code == "do_not_honor"
    assert result.charge_id is not None
    charge = shop.gateway.charge(result.charge_id)
    assert charge is not None
    assert charge.payment_intent_id == result.payment_intent_id
    replay = shop.gateway.pay(shop.invoice.id, idempotency_key="attempt-1")
    assert isinstance(replay, Declined)
    assert replay.replayed
    assert replay.charge_id == result.charge_id


def test_3d_secure_needs_the_customer(sandbox: Sandbox) -> None:
    shop = declined_renewal(sandbox, "insufficient_funds", "authentication_required")

    result = shop.gateway.pay(shop.invoice.id, idempotency_key="attempt-1")

    assert isinstance(result, NeedsAction)


def test_a_payment_that_dies_is_seen_before_and_after_paying(sandbox: Sandbox) -> None:
    shop = declined_renewal(sandbox, *["do_not_honor"] * 30)
    invoice_id = shop.invoice.id
    results = [
        shop.gateway.pay(invoice_id, idempotency_key=f"attempt-{n}") for n in range(12)
    ]

    assert isinstance(results[0], Declined)
    assert isinstance(results[-1], NotPayable)
    assert results[-1].hint is NotPayableKind.DEAD
    assert shop.invoice.is_dead


def test_paying_twice_under_two_keys_is_not_payable(sandbox: Sandbox) -> None:
    shop = declined_renewal(sandbox)
    shop.gateway.pay(shop.invoice.id, idempotency_key="attempt-1")

    again = shop.gateway.pay(shop.invoice.id, idempotency_key="attempt-2")

    assert isinstance(again, NotPayable)
    assert again.hint is NotPayableKind.ALREADY_PAID


def test_one_key_for_two_invoices_is_a_fault_of_ours(sandbox: Sandbox) -> None:
    first, second = declined_renewal(sandbox), declined_renewal(sandbox)
    first.gateway.pay(first.invoice.id, idempotency_key="attempt-1")

    with pytest.raises(KeyReused):
        second.gateway.pay(second.invoice.id, idempotency_key="attempt-1")


def test_a_lost_answer_is_found_again_under_the_same_key(sandbox: Sandbox) -> None:
    shop = declined_renewal(sandbox)
    invoice_id = shop.invoice.id
    sandbox.fault(method="POST", path="*/pay", do="drop", when="after")

    with pytest.raises(StripeUnavailable):
        shop.gateway.pay(invoice_id, idempotency_key="attempt-1")

    found = shop.gateway.pay(invoice_id, idempotency_key="attempt-1")
    assert found == Paid(1500, "usd", replayed=True)
    tried = [entry for entry in sandbox.ledger() if entry.get("invoice") == invoice_id]
    assert len(tried) == 2


def test_lists_are_read_page_by_page(sandbox: Sandbox) -> None:
    for _ in range(2):
        other = sandbox.subscriber()
        assert other.payment_method
        sandbox.script(other.payment_method, "do_not_honor")
    gateway = declined_renewal(sandbox).gateway
    seen: list[str] = []
    after: str | None = None
    while True:
        page = gateway.open_invoices(after=after, limit=2)
        seen += [invoice.id for invoice in page]
        after = page.next_after
        if after is None:
            break

    assert len(seen) == len(set(seen)) == 3
    since = datetime(2099, 1, 1, tzinfo=UTC)
    assert len(gateway.open_invoices(created_gte=since)) == 0


def test_everything_else_that_is_read(sandbox: Sandbox) -> None:
    shop = declined_renewal(sandbox)
    since = datetime(2026, 1, 1, tzinfo=UTC)

    subscription = shop.gateway.subscription(shop.subscription_id)
    customer = shop.gateway.customer(shop.customer_id)
    card = shop.gateway.payment_method(shop.card_id)
    charges = shop.gateway.customer_charges(shop.customer_id, since=since)

    assert subscription is not None
    assert subscription.product_name == "Membership"
    assert subscription.customer.email == "ann@example.com"
    assert (subscription.amount, subscription.currency) == (1500, "usd")
    assert customer is not None
    assert customer.name == "Ann Example"
    assert card is not None
    assert card.card.brand == "visa"
    assert card.customer_id == shop.customer_id
    assert [charge.status for charge in charges] == ["succeeded", "failed"]
    assert shop.gateway.account().id == MERCHANT
    assert shop.gateway.account().livemode is False
    assert shop.gateway.portal_url(shop.customer_id, "https://x.example/")
    assert shop.gateway.invoice("in_nothing") is None
    assert shop.gateway.charge("ch_nothing") is None


def test_events_are_listed_and_delivered_alike(sandbox: Sandbox) -> None:
    gateway = gateway_to(sandbox, MERCHANT_KEY)
    url = "http://127.0.0.1:9/webhooks/stripe/k1"
    endpoint = gateway.create_webhook_endpoint(url, EVENTS)
    assert endpoint.secret is not None
    assert [found.id for found in gateway.webhook_endpoints()] == [endpoint.id]
    sandbox.deliver(mode="hold")
    shop = declined_renewal(sandbox)

    # The sandbox signs at the later of its clock and the machine's.
    now = max(datetime.fromisoformat(sandbox.now()), datetime.now(UTC))
    delivered = [
        verified(
            held["body"].encode(),
            held["headers"]["Stripe-Signature"],
            [endpoint.secret],
            now=now,
            tolerance=90 * 86_400,
        )
        for held in sandbox.take_deliveries()
    ]

    # Stripe lists the last thirty days only: the first payment is older.
    listed = gateway.events(EVENTS)
    assert {event.id for event in listed} < {event.id for event in delivered}
    failed = next(e for e in delivered if e.type == "invoice.payment_failed")
    assert failed.object_id == shop.invoice.id
    assert failed.customer_id == shop.customer_id
    assert failed.subscription_id == shop.subscription_id
    assert failed.request_id is None
    assert failed.api_version == endpoint.api_version
    charge = next(e for e in delivered if e.type == "charge.failed")
    assert charge.payment_intent_id in shop.invoice.payment_intent_ids
    gateway.undelivered_events(EVENTS)
    gateway.delete_webhook_endpoint(endpoint.id)
    with pytest.raises(Gone):
        gateway.delete_webhook_endpoint(endpoint.id)


def test_our_own_charge_is_known_by_its_key_in_the_event(sandbox: Sandbox) -> None:
    shop = declined_renewal(sandbox)

    shop.gateway.pay(shop.invoice.id, idempotency_key="attempt-1")

    newest = shop.gateway.events(["invoice.paid"]).items[0]
    assert newest.request_idempotency_key == "attempt-1"


@pytest.mark.parametrize("key", [MERCHANT_KEY, MERCHANT_SECRET_KEY])
def test_a_good_key_passes_every_probe(sandbox: Sandbox, key: str) -> None:
    checks = gateway_to(sandbox, key).check_permissions()

    assert {check.status for check in checks} == {PermissionStatus.OK}


def test_a_key_without_a_permission_fails_its_probe_alone(sandbox: Sandbox) -> None:
    gateway = gateway_to(sandbox, MERCHANT_KEY)
    slugs = [check.slug for check in gateway.check_permissions()]
    for slug in slugs:
        way = slug.rsplit("_", 1)[1]
        sandbox.key(MERCHANT_KEY, permissions=slugs)
        sandbox.key(MERCHANT_KEY, revoke=[slug])
        if way == "read":
            sandbox.key(MERCHANT_KEY, revoke=[slug.replace("_read", "_write")])

        checks = {check.slug: check.status for check in gateway.check_permissions()}

        assert checks[slug] is PermissionStatus.MISSING, slug


def test_a_missing_permission_is_named_when_it_is_needed(sandbox: Sandbox) -> None:
    shop = declined_renewal(sandbox)
    invoice_id = shop.invoice.id
    sandbox.key(MERCHANT_KEY, revoke=["invoice_write"], grant=["invoice_read"])

    with pytest.raises(PermissionMissing) as caught:
        shop.gateway.pay(invoice_id, idempotency_key="attempt-1")

    assert caught.value.permission == "rak_invoice_write"
    assert caught.value.account == MERCHANT


def test_an_expired_key_is_refused(sandbox: Sandbox) -> None:
    sandbox.key(MERCHANT_KEY, expired=True)

    with pytest.raises(CredentialsRefused):
        gateway_to(sandbox, MERCHANT_KEY).account()


def test_a_platform_acts_for_those_who_let_it_in_and_only_them(
    sandbox: Sandbox,
) -> None:
    gateway = gateway_to(sandbox, PLATFORM_KEY, MERCHANT)
    with pytest.raises(CredentialsRefused):
        gateway.account()

    sandbox.call("POST", "connect", {"account": MERCHANT})

    assert gateway.account().id == MERCHANT
