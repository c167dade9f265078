"""Our calls stay under Stripe's limits, account by account, address by address."""

from dataclasses import dataclass, field

from flask.testing import FlaskClient

from app.services import governor as governing
from app.services.connections import gateway_of
from app.services.governor import LIVE, TEST, Governor
from app.services.retries import run_due
from tests.builders import a_account
from tests.merchants import Merchant

# Of one live account, and of one sandbox (docs.stripe.com/rate-limits, 2026).
STRIPE_LIVE, STRIPE_TEST, STRIPE_ADDRESS = 100, 25, 25


@dataclass
class Time:
    """A clock that moves by sleeping."""

    now: float = 1_000.0
    sleeps: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


def governed(time: Time) -> Governor:
    return Governor(is_real=True, clock=time, sleep=time.sleep)


def most_in_a_second(moments: list[float]) -> int:
    return max(sum(at <= other < at + 1 for other in moments) for at in moments)


def test_no_second_sees_more_calls_than_leave_the_merchant_most_of_the_limit() -> None:
    for livemode, allowed in ((True, STRIPE_LIVE), (False, STRIPE_TEST)):
        time, moments = Time(), []
        keeper = governed(time)
        for number in range(600):
            keeper.wait(1, f"address{number % 60}", livemode=livemode)
            moments.append(time.now)
        # In the first second a second's worth goes at once, and another one follows.
        assert most_in_a_second(moments) <= allowed * 0.8
        assert len(moments) / (moments[-1] - moments[0]) <= allowed * 0.45


def test_no_address_sees_more_than_it_takes() -> None:
    time, moments = Time(), []
    keeper = governed(time)
    for _ in range(200):
        keeper.wait(1, "invoice", livemode=True)
        moments.append(time.now)
    assert most_in_a_second(moments) < STRIPE_ADDRESS


def test_one_account_never_waits_for_another() -> None:
    time = Time()
    keeper = governed(time)
    for _ in range(100):
        keeper.wait(1, "invoice", livemode=True)
    time.sleeps.clear()
    keeper.wait(2, "invoice", livemode=True)
    assert time.sleeps == []
    assert keeper.held(2).calls == 0
    assert keeper.held(1).calls > 50


def test_a_charge_counts_and_never_waits_after_the_last_check() -> None:
    time = Time()
    keeper = governed(time)
    for _ in range(50):
        keeper.wait(1, "pay", livemode=True)
    assert time.sleeps == []
    keeper.wait(1, "invoice", livemode=True)
    assert time.sleeps != []


def test_charges_begin_at_a_pace_that_their_reads_can_follow() -> None:
    for limits in (LIVE, TEST):
        # One read before, the charge, one read after it.
        assert 3 * limits.charges <= limits.calls
        assert limits.charges <= limits.at_one_address


def test_the_engine_and_the_gateway_ask_the_governor(merchant: Merchant) -> None:
    time = Time()
    keeper = governed(time)
    merchant.app.extensions["metricsco.governor"] = keeper
    invoice = merchant.declined_renewal("insufficient_funds", default="approve")
    gateway = gateway_of(merchant.account_id)
    for _ in range(30):
        gateway.invoice(invoice)
    held = keeper.held(merchant.account_id)
    assert held.calls > 20
    assert held.seconds > 2
    attempt = merchant.planned(invoice)
    assert attempt is not None
    merchant.sandbox.advance(to=attempt.due_at.isoformat())
    merchant.sandbox.advance(seconds=60)
    assert run_due(now=merchant.now) == 1
    assert [c["ok"] for c in merchant.charges(invoice)] == [False, True]


def test_the_page_says_what_was_held_back(owner: FlaskClient) -> None:
    account = a_account()
    keeper = governed(Time())
    owner.application.extensions["metricsco.governor"] = keeper
    assert "Held back" not in owner.get("/account/payment-processor").text
    for _ in range(40):
        keeper.wait(account.id, "invoice", livemode=True)
    page = owner.get("/account/payment-processor").text
    assert "Held back" in page
    assert f"{keeper.held(account.id).calls} calls waited" in page


def test_a_stand_in_for_stripe_is_not_spared() -> None:
    time = Time()
    keeper = Governor(is_real=False, clock=time, sleep=time.sleep)
    for _ in range(500):
        keeper.wait(1, "invoice", livemode=True)
    assert time.sleeps == []
    assert keeper.charges_a_second(livemode=True) == governing.CHARGES_AT_A_STAND_IN
