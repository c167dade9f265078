"""What the bank says depends on the time of the try."""

from typing import Any

import pytest
import stripe

from app.sandbox import Sandbox, start_sandbox
from app.sandbox.answers import Refused, mastercard_advice, read_answer
from app.sandbox.causes import answer_of_cause
from app.sandbox.clock import DAY, HOUR, parse_time

MONDAY = parse_time("2026-11-02T12:00:00Z")


def refusals(
    cause: dict[str, Any], *hours: float, brand: str = "visa"
) -> list[str | None]:
    """Return the decline codes of tries so many hours after Monday noon."""
    codes = []
    for after in hours:
        answer = answer_of_cause(
            cause, now=MONDAY + round(after * HOUR), brand=brand, off_session=True
        )
        codes.append(answer.decline_code if isinstance(answer, Refused) else None)
    return codes


def test_money_is_there_on_payday_and_gone_some_days_later() -> None:
    friday = {"kind": "no_money", "calendar": "weekly", "day": 4, "hour": 6, "lasts": 2}
    want = "insufficient_funds"
    # Thursday noon; Friday 5 and 7 o'clock; Sunday 5 and 7 o'clock.
    assert refusals(friday, 72, 89, 91, 137, 139) == [want, want, None, None, want]


def test_a_monthly_payday_is_a_day_of_the_month() -> None:
    tenth = {
        "kind": "no_money",
        "calendar": "monthly",
        "day": 10,
        "hour": 0,
        "lasts": 1,
    }
    want = "insufficient_funds"
    assert refusals(tenth, 7 * 24, 8 * 24, 9 * 24) == [want, None, want]


def test_a_biweekly_payday_skips_a_week() -> None:
    every_other = {"kind": "no_money", "calendar": "biweekly", "day": 4, "lasts": 1}
    fridays = [4 * 24.0 + week * 168 for week in range(4)]
    paid = [code is None for code in refusals(every_other, *fridays)]
    assert paid in ([True, False, True, False], [False, True, False, True])


def test_a_fraud_block_clears() -> None:
    block = {"kind": "fraud_block", "clears_at": MONDAY + DAY}
    assert refusals(block, 0, 23, 24) == ["do_not_honor", "do_not_honor", None]


def test_hammering_keeps_a_velocity_block_alive() -> None:
    limit = {"kind": "velocity", "limit": 1, "window": DAY}
    slow = "card_velocity_exceeded"
    assert refusals(dict(limit), 0, 12, 24, 36) == [None, slow, slow, slow]
    assert refusals(dict(limit), 0, 12, 37) == [None, slow, None]


def test_an_outage_ends() -> None:
    outage = {"kind": "outage", "from": MONDAY, "to": MONDAY + 6 * HOUR}
    assert refusals(outage, -1, 0, 5, 6) == [
        None,
        "processing_error",
        "processing_error",
        None,
    ]


@pytest.mark.parametrize(
    ("code", "hours"), [("24", 1), ("25", 24), ("27", 96), ("30", 240)]
)
def test_advice_to_wait_means_what_it_says(code: str, hours: int) -> None:
    said = {"kind": "advised", "code": code}
    want = "insufficient_funds"
    early, right = hours - 0.5, hours - 0.5 + hours
    assert refusals(said, 0, early, right, brand="mastercard") == [want, want, None]


@pytest.mark.parametrize("code", ["03", "21"])
def test_advice_never_to_try_again_never_clears(code: str) -> None:
    said = {"kind": "advised", "code": code}
    answer = mastercard_advice(code)
    assert (answer.advice_code, answer.network_advice_code) == (
        "do_not_try_again",
        code,
    )
    assert None not in refusals(said, 0, 24 * 30, 24 * 90, brand="mastercard")


def test_a_moody_issuer_answers_the_same_at_the_same_hour() -> None:
    moody = {"kind": "moody", "rate": 0.5, "salt": "x"}
    hours = [float(hour) for hour in range(200)]
    first, second = refusals(moody, *hours), refusals(moody, *hours)
    assert first == second
    assert 60 < sum(code is None for code in first) < 140


@pytest.mark.parametrize(
    ("told", "brand", "wanted"),
    [
        ("insufficient_funds", "visa", ("card_declined", "51", "try_again_later")),
        ("stolen_card", "mastercard", ("card_declined", "83", "do_not_try_again")),
        ("expired_card", "amex", ("expired_card", "101", "confirm_card_data")),
        ("do_not_honor", "amex", ("card_declined", "100", None)),
    ],
)
def test_codes_come_as_the_network_sends_them(
    told: str, brand: str, wanted: tuple[str, str, str | None]
) -> None:
    answer = read_answer(told, brand=brand)
    assert isinstance(answer, Refused)
    assert wanted == (answer.code, answer.network_decline_code, answer.advice_code)


def test_what_stripe_blocks_no_bank_has_seen(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = sandbox.subscriber()
    assert ann.payment_method
    sandbox.script(ann.payment_method, "previously_declined_do_not_retry")
    sandbox.advance(days=31)
    outcome = merchant.v1.charges.list({"limit": 1}).data[0].outcome
    assert outcome
    assert outcome.type == "blocked"
    assert outcome.network_status == "not_sent_to_network"
    assert outcome.reason == "previously_declined_do_not_retry"
    assert outcome.network_decline_code is None


def test_a_script_may_name_every_field(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    ann = sandbox.subscriber()
    told = {
        "decline_code": "do_not_honor",
        "network_decline_code": "79",
        "network_advice_code": "01",
        "advice_code": "confirm_card_data",
    }
    sandbox.script(ann.customer, told)
    sandbox.advance(days=31)
    entry = sandbox.ledger()[-1]
    assert {name: entry[name] for name in told} == told


def test_nonsense_in_a_script_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(RuntimeError, match="Unknown fields"):
        sandbox.script("pm_1", {"reasno": "typo"})


def test_a_seeded_merchant_is_the_same_for_the_same_seed() -> None:
    ledgers = []
    for seed in (3, 3, 4):
        with start_sandbox(now="2026-11-01T09:00:00Z", seed=seed) as sandbox:
            sandbox.seed(customers=40, history_days=40)
            ledgers.append(sandbox.ledger())
    assert ledgers[0] == ledgers[1]
    assert ledgers[0] != ledgers[2]


def test_a_seeded_merchant_shows_every_kind_of_trouble(
    sandbox: Sandbox, merchant: stripe.StripeClient
) -> None:
    sown = sandbox.seed(customers=150, history_days=40)
    assert sown["subscriptions"] == 150
    sandbox.advance(days=20)
    ledger = sandbox.ledger()
    refused = {entry["decline_code"] for entry in ledger if not entry["ok"]}
    assert {"insufficient_funds", "do_not_honor", "expired_card"} <= refused
    assert {"usd", "eur", "jpy", "gbp", "sek"} == {
        entry["currency"] for entry in ledger
    }
    everybody = merchant.v1.customers.list({"limit": 100}).auto_paging_iter()
    names = {customer.name for customer in everybody}
    assert any("<" in str(name) for name in names)
    assert any(not str(name).isascii() for name in names)
