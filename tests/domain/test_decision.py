"""The shell: whatever a strategy answers, the rules hold."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.cases import Card, CardAttempt, Case, Customer
from app.domain.decision import decide
from app.domain.declines import Codes, Decline
from app.domain.money import Money
from app.domain.network_rules import MAX_CHARGES, MAX_RETRIES
from app.domain.network_rules_data import ADVICE_WAITS
from app.domain.steps import AskCustomer, GiveUp, Observe, RetryAt, Step, Strategy
from app.domain.strategies import ALL, strategy_named
from app.domain.strategies.even_spread import EvenSpread
from app.domain.strategies.fixed_ladder import FixedLadder
from app.domain.strategies.hands_off import HandsOff
from tests.domain.builders import (
    MONDAY,
    a_case,
    a_decline,
    all_steps,
    days,
    hours,
    some_attempts,
)


@dataclass
class Answers:
    """A strategy that answers what the test gives it."""

    answer: Callable[[Case, datetime], object]
    name: str = "scripted"
    version: str = "1"

    def next_step(self, case: Case, *, now: datetime) -> Step:
        return self.answer(case, now)  # type: ignore[return-value]


def wants(at: datetime) -> Strategy:
    return Answers(lambda case, now: RetryAt(at, "because"))


def fails(case: Case, now: datetime) -> Step:
    raise ZeroDivisionError("the model broke")


# What ends a recovery before any strategy is asked.


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        # another card would help
        ("stolen_card", AskCustomer),
        ("transaction_not_allowed", AskCustomer),
        ("authentication_required", AskCustomer),
        ("incorrect_cvc", AskCustomer),
        # the cardholder told the bank to stop: asking again would be against their wish
        ("revocation_of_authorization", GiveUp),
        ("stop_payment_order", GiveUp),
        # the merchant's own side
        ("rule", GiveUp),
        ("merchant_blacklist", GiveUp),
    ],
)
def test_a_card_that_is_ruled_out_is_never_retried(
    code: str, ending: type[Step]
) -> None:
    for name in ALL:
        step = decide(strategy_named(name), a_case(code), now=MONDAY)
        assert type(step) is ending


def test_a_never_code_outlasts_a_later_soft_decline() -> None:
    case = a_case(
        declines=(
            a_decline(network_advice_code="03", network="mastercard"),
            a_decline(occurred_at=MONDAY + days(3)),
        )
    )
    assert isinstance(decide(EvenSpread(), case, now=MONDAY + days(3)), AskCustomer)


def test_a_replaced_card_is_tried_at_once_though_the_old_one_was_ruled_out() -> None:
    case = a_case("stolen_card", card_changed_at=MONDAY + days(2))
    now = MONDAY + days(2)
    step = decide(EvenSpread(), case, now=now)
    assert isinstance(step, RetryAt)
    assert step.at == now
    assert "replaced" in step.reason
    assert isinstance(decide(HandsOff(), case, now=now), Observe)


def test_a_replaced_card_that_is_refused_is_judged_by_its_own_codes() -> None:
    changed_at = MONDAY + days(2)
    later = a_decline(occurred_at=changed_at + hours(1))
    case = a_case(declines=(a_decline("stolen_card"), later))
    case = replace(case, card_changed_at=changed_at)
    step = decide(EvenSpread(), case, now=changed_at + hours(1))
    assert isinstance(step, RetryAt)
    assert step.at > changed_at + days(1)


@pytest.mark.parametrize(
    ("made", "is_over"),
    [
        ((7, 8), False),
        ((8, 9), True),
        ((8, 3), True),
        ((2, 9), True),  # others charged it too
        ((2, 8), False),
    ],
)
def test_there_is_no_ninth_retry_and_no_tenth_charge(
    made: tuple[int, int], is_over: bool
) -> None:
    retries, charges = made
    case = a_case(retries=retries, charges=charges)
    step = decide(wants(MONDAY + days(5)), case, now=MONDAY)
    assert isinstance(step, GiveUp) is is_over


def test_a_bank_account_is_debited_three_times_at_most() -> None:
    debit = a_case(card=Card(kind="sepa_debit"))
    twice = replace(debit, declines=debit.declines * 2, charges=2, retries=1)
    assert isinstance(decide(EvenSpread(), twice, now=MONDAY), RetryAt)
    thrice = replace(debit, declines=debit.declines * 3, charges=3, retries=2)
    step = decide(EvenSpread(), thrice, now=MONDAY)
    assert isinstance(step, GiveUp)
    assert "3 times" in step.reason
    card = replace(thrice, card=Card(kind="card", brand="visa"))
    assert isinstance(decide(EvenSpread(), card, now=MONDAY), RetryAt)


def test_nothing_is_planned_when_the_window_is_over() -> None:
    case = a_case(deadline_at=MONDAY + days(1))
    for strategy in (wants(MONDAY), HandsOff()):
        step = decide(strategy, case, now=MONDAY + hours(25))
        assert isinstance(step, GiveUp)
        assert "3 Nov 2026" in step.reason


# What is done to a strategy's answer.


def test_a_good_answer_is_left_alone() -> None:
    step = decide(wants(MONDAY + days(5)), a_case(), now=MONDAY)
    assert step == RetryAt(MONDAY + days(5), "because")


def test_an_answer_in_the_past_becomes_now() -> None:
    now = MONDAY + days(4)
    step = decide(wants(MONDAY + days(2)), a_case(), now=now)
    assert isinstance(step, RetryAt)
    assert step.at == now


def test_two_tries_keep_a_day_between_them_and_the_card_says_so() -> None:
    step = decide(wants(MONDAY + hours(1)), a_case(), now=MONDAY)
    assert isinstance(step, RetryAt)
    assert step.at == MONDAY + hours(20)
    assert step.rules == ("at least 20 hours between two tries",)


def test_only_the_first_technical_fault_may_be_tried_again_the_same_day() -> None:
    once = a_case("processing_error")
    twice = a_case(
        declines=(
            a_decline("processing_error"),
            a_decline("issuer_not_available", occurred_at=MONDAY + hours(3)),
        )
    )
    first = decide(wants(MONDAY), once, now=MONDAY)
    second = decide(wants(MONDAY), twice, now=MONDAY + hours(3))
    assert isinstance(first, RetryAt)
    assert isinstance(second, RetryAt)
    assert first.at == MONDAY + hours(1.5)
    assert second.at == MONDAY + hours(23)


def test_advice_to_wait_moves_the_try_and_is_named() -> None:
    declines = (a_decline(network_advice_code="27", network="mastercard"),)
    step = decide(wants(MONDAY), a_case(declines=declines), now=MONDAY)
    assert isinstance(step, RetryAt)
    assert MONDAY + days(4) <= step.at <= MONDAY + days(4) + hours(1)
    assert "Mastercard advice 27: wait 4 days" in step.rules


def test_a_full_cap_moves_the_try_until_it_fits() -> None:
    tries = some_attempts(14, at=MONDAY - days(10))  # and the renewal's own
    step = decide(wants(MONDAY + days(5)), a_case(card_attempts=tries), now=MONDAY)
    assert isinstance(step, RetryAt)
    assert days(30) <= step.at - tries[0].at <= days(30) + hours(1)
    assert any("15 refused charges" in rule for rule in step.rules)


@pytest.mark.parametrize(
    "case",
    [
        a_case(declines=(a_decline(network_advice_code="30"),)),
        a_case(card_attempts=some_attempts(15, at=MONDAY - hours(1))),
        a_case(),
    ],
)
def test_what_would_come_after_the_deadline_is_given_up(case: Case) -> None:
    case = replace(case, deadline_at=MONDAY + days(3))
    step = decide(wants(MONDAY + days(4)), case, now=MONDAY)
    assert isinstance(step, GiveUp)
    assert "5 Nov 2026" in step.reason


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (fails, "ZeroDivisionError"),
        (lambda case, now: None, "NoneType"),
        (lambda case, now: RetryAt(datetime(2026, 11, 9), "naive"), "zone"),  # noqa: DTZ001
    ],
)
def test_a_strategy_that_fails_is_replaced_by_the_even_spread(
    answer: Callable[[Case, datetime], object], said: str
) -> None:
    step = decide(Answers(answer), a_case(), now=MONDAY)
    even = decide(EvenSpread(), a_case(), now=MONDAY)
    assert isinstance(step, RetryAt)
    assert isinstance(even, RetryAt)
    assert step.at == even.at
    assert said in step.rules[0]
    assert "even spread took over" in step.rules[0]


@pytest.mark.parametrize("answer", [AskCustomer("a"), GiveUp("b"), Observe("c")])
def test_other_answers_pass_as_they_are(answer: Step) -> None:
    assert decide(Answers(lambda case, now: answer), a_case(), now=MONDAY) == answer


# Promises that hold for every case.

CODES = st.builds(
    Codes,
    decline_code=st.sampled_from(
        [
            *("insufficient_funds", "do_not_honor", "processing_error", "expired_card"),
            *("card_velocity_exceeded", "try_again_later", "never_seen_before"),
            *("low_probability_of_authorization", "stolen_card", "generic_decline"),
        ]
    ),
    advice_code=st.sampled_from([None, None, "try_again_later", "do_not_try_again"]),
    network_advice_code=st.sampled_from([None, None, "03", *ADVICE_WAITS]),
    network_decline_code=st.sampled_from([None, "51", "05", "91", "41"]),
    outcome_type=st.sampled_from([None, "issuer_declined", "blocked"]),
)
SOFT = st.sampled_from(
    [
        Codes("insufficient_funds"),
        Codes("do_not_honor"),
        Codes("processing_error"),
        Codes("insufficient_funds", network_advice_code="26"),
    ]
)
ZONES = st.sampled_from([None, "America/New_York", "Pacific/Auckland", "No/Where"])


@st.composite
def cases(draw: st.DrawFn, codes: st.SearchStrategy[Codes] = CODES) -> Case:
    start = MONDAY + timedelta(minutes=draw(st.integers(0, 60 * 24 * 365)))
    gaps = draw(st.lists(st.integers(60, 60 * 24 * 6), max_size=4))
    moments = [start + timedelta(minutes=sum(gaps[:i])) for i in range(len(gaps) + 1)]
    amount = draw(st.sampled_from([500, 2000]))
    earlier = draw(st.lists(st.integers(0, 60 * 24 * 29), max_size=20))
    return Case(
        invoice_id=draw(st.sampled_from(["in_1", "in_2"])),
        amount=Money(2000, "usd"),
        declines=tuple(Decline(moment, draw(codes)) for moment in moments),
        deadline_at=start + timedelta(hours=draw(st.integers(1, 28 * 24))),
        customer=Customer("cus_1", timezone=draw(ZONES)),
        card=Card(brand=draw(st.sampled_from([None, "visa", "mastercard", "amex"]))),
        charges=len(moments) + draw(st.integers(0, 2)),
        retries=draw(st.integers(0, len(gaps))),
        card_attempts=tuple(
            CardAttempt(start - timedelta(minutes=minutes), amount, "usd")
            for minutes in earlier
        ),
        seed=draw(st.integers(0, 2**32)),
    )


STRATEGIES = st.sampled_from(sorted(ALL)).map(strategy_named) | st.integers(
    -40, 40
).map(lambda shift: wants(MONDAY + days(shift)))


def tries_in(case: Case, at: datetime, window: timedelta) -> int:
    """Counted anew here, so that the test does not lean on what it tests."""
    known = {a.at for a in case.card_attempts}
    own = {d.occurred_at for d in case.declines if d.reached_network}
    moments = [a.at for a in case.card_attempts] + sorted(own - known)
    return sum(at - window < moment <= at for moment in moments)


@given(case=cases(), strategy=STRATEGIES, late=st.integers(0, 60 * 24 * 20))
def test_no_rule_is_ever_broken(case: Case, strategy: Strategy, late: int) -> None:
    now = case.last_decline.occurred_at + timedelta(minutes=late)
    step = decide(strategy, case, now=now)
    assert step.reason
    assert step == decide(strategy, case, now=now)
    if not isinstance(step, RetryAt):
        return
    assert now <= step.at <= case.deadline_at
    assert case.retries < MAX_RETRIES
    assert case.charges < MAX_CHARGES
    for decline in case.declines:
        codes = decline.codes
        assert codes.advice_code != "do_not_try_again"
        assert codes.network_advice_code != "03"
        assert codes.decline_code != "stolen_card"
        wait = ADVICE_WAITS.get(codes.network_advice_code or "", timedelta())
        assert step.at >= decline.occurred_at + wait
    if case.card.brand != "mastercard":
        assert tries_in(case, step.at, days(30)) < 15
    else:
        assert tries_in(case, step.at, hours(24)) < 10
    assert step.at - case.last_decline.occurred_at >= hours(1.5)


@given(case=cases(SOFT), name=st.sampled_from(sorted(ALL)))
def test_a_recovery_ends_within_eight_retries_nine_charges_and_the_window(
    case: Case, name: str
) -> None:
    steps = all_steps(strategy_named(name), case, now=case.last_decline.occurred_at)
    retries = [step for step in steps if isinstance(step, RetryAt)]
    assert case.retries + len(retries) <= MAX_RETRIES
    assert case.charges + len(retries) <= MAX_CHARGES
    moments = [step.at for step in retries]
    assert moments == sorted(moments)
    assert all(moment <= case.deadline_at for moment in moments)
    assert steps[-1].reason


def test_times_are_answered_in_utc() -> None:
    step = decide(FixedLadder(), a_case(), now=MONDAY)
    assert isinstance(step, RetryAt)
    assert step.at.tzinfo is UTC
