"""The runner: forward in time, the same luck for all, rules counted beside it."""

import signal
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from app.backtest.contestants import contestant
from app.backtest.figures import as_dict
from app.backtest.runner import Record, run
from app.backtest.worlds import WorldFault
from app.domain.cases import Case
from app.domain.steps import GiveUp, RetryAt, Step
from tests.backtest.worlds import (
    MONDAY,
    AnswersBadly,
    Ends,
    Hangs,
    Interrupted,
    NoZone,
    Raises,
    TalksNonsense,
    Unspeakable,
    World,
    a_case,
)


class Reckless:
    """Retries after these days from the first decline, whatever the rules say."""

    def __init__(self, *days: float) -> None:
        self.days = days

    def next_step(self, case: Case, *, now: datetime) -> Step:
        if case.retries >= len(self.days):
            return GiveUp("done")
        return RetryAt(case.declined_at + timedelta(days=self.days[case.retries]), "")

    def when_due(self, case: Case, step: RetryAt, *, now: datetime) -> Step:
        return step

    def heard(self, case: Case, step: RetryAt, *, paid: bool, now: datetime) -> None:
        pass

    def ended(self, case: Case, *, now: datetime) -> None:
        pass


def a_run(world: World, *days: float, cases: int = 1) -> Record:
    return run(lambda: world, Reckless(*days), cases=cases, seed=1)


def test_time_runs_forward_across_all_cases() -> None:
    world = World()
    a_run(world, 1, 2, 3, cases=4)
    moments = [at for _, at in world.asked]
    assert moments == sorted(moments)
    assert len(moments) == 12


def test_a_case_ends_at_its_first_approval() -> None:
    record = a_run(World(opens=2), 1, 3, 4)
    figures = as_dict(record)
    assert figures["recovered_invoices"] == 1.0
    assert figures["attempts_per_invoice"] == 2.0
    assert figures["median_days_to_money"] == 3.0
    assert figures["max_attempts_on_an_invoice"] == 2


def test_recovered_amount_is_the_share_of_the_amount_declined() -> None:
    late = a_case(1, declined_at=MONDAY - timedelta(days=20), amount=9000)
    late["deadline_at"] = MONDAY
    record = a_run(World(a_case(0), late), 6, 7, cases=2)
    assert as_dict(record)["recovered_amount"] == 0.1
    assert as_dict(record)["recovered_invoices"] == 0.5


def test_an_approval_after_the_deadline_is_a_breach_and_no_recovery() -> None:
    record = a_run(World(), 29)
    assert record.breaches.after_deadline == 1
    assert as_dict(record)["recovered_invoices"] == 0.0


def test_a_retry_after_a_never_code_is_a_breach() -> None:
    stolen = a_case(decline_code="stolen_card")
    revoked = a_case(1, network_decline_code="R1", card={"brand": "visa"})
    told = a_case(2, advice_code="do_not_try_again")
    stop = a_case(3, network_advice_code="21", card={"brand": "mastercard"})
    record = a_run(World(stolen, revoked, told, stop), 6, cases=4)
    assert record.breaches.never_retry == 4


def test_a_retry_before_the_advised_time_is_a_breach() -> None:
    advised = a_case(network_advice_code="27", card={"brand": "mastercard"})
    assert a_run(World(advised), 3.5).breaches.advice_wait == 1
    assert a_run(World(advised), 4.0).breaches.advice_wait == 0


def test_too_many_tries_on_a_card_are_breaches() -> None:
    # Ten refused charges are made of the first and nine retries; two more are beyond.
    every_hour = [number / 24 for number in range(1, 12)]
    master = a_case(card={"brand": "mastercard"})
    assert a_run(World(master), *every_hour).breaches.network_cap == 2
    # Cases of one customer share a card.
    visa = [a_case(n, customer_id="cus", card={"brand": "visa"}) for n in (0, 1)]
    assert a_run(World(*visa), *every_hour, cases=2).breaches.network_cap == 3


def test_an_approved_charge_counts_against_no_cap() -> None:
    """Networks cap what is tried again after refusals; 15 are allowed on this card."""
    of_one_card = [
        a_case(n, customer_id="cus", card={"brand": "amex"}) for n in range(8)
    ]
    assert a_run(World(*of_one_card, opens=0), 1, cases=8).breaches.network_cap == 0
    assert a_run(World(*of_one_card, opens=9), 1, cases=8).breaches.network_cap == 1


@pytest.mark.parametrize("name", ["even-spread", "adaptive", "fixed-ladder"])
def test_no_strategy_of_ours_breaks_a_rule_in_a_world_of_refusals(name: str) -> None:
    cases = [
        a_case(0, network_advice_code="30", card={"brand": "mastercard"}),
        a_case(1, decline_code="stolen_card"),
        a_case(2, advice_code="do_not_try_again"),
        a_case(3, decline_code="processing_error"),
        a_case(4, decline_code="never_heard_of"),
        *(a_case(n, customer_id="cus", card={"brand": "amex"}) for n in range(5, 9)),
    ]
    world = World(*cases, opens=99)
    record = run(lambda: world, contestant(name), cases=9, seed=1)
    assert not any(record.breaches.as_dict().values())
    assert 0 < max(run.retries for run in record.runs.values()) <= 8


def test_a_strategy_that_watches_charges_nothing() -> None:
    world = World()
    run(lambda: world, contestant("hands-off"), cases=3, seed=1)
    assert world.asked == []


@pytest.mark.parametrize(
    ("world", "sentence"),
    [
        (Raises(), "case case-0: attempt raised ZeroDivisionError: no such bank"),
        (Ends(SystemExit(0)), "case case-0: attempt raised SystemExit: 0"),
        (Ends(GeneratorExit()), "case case-0: attempt raised GeneratorExit"),
        (Ends(KeyboardInterrupt()), "case case-0: attempt raised KeyboardInterrupt"),
        (Ends(StopIteration()), "case case-0: attempt raised StopIteration"),
        (Ends(Unspeakable()), "case case-0: attempt raised Unspeakable"),
        (AnswersBadly(), "case case-0: its answer raised OSError: gone"),
        (
            World(a_case(declined_at=MONDAY.replace(tzinfo=NoZone()))),
            "case case-0: what it is raised LookupError: no such zone",
        ),
        (
            World(a_case(declined_at=MONDAY.replace(tzinfo=None))),
            "case case-0: declined_at is datetime.*, not an aware datetime",
        ),
        (TalksNonsense(), "case case-0: outcome 'perhaps' at 2026-03-03 15:00"),
        (World(a_case(decline_code=None)), "case case-0: no decline_code"),
        (World(a_case(amount="10")), "case case-0: amount is '10', not minor units"),
        (World(a_case(currency=None)), "case case-0: currency is None"),
        (World(a_case(card=[1])), r"case case-0: card is \[1\], not a dict"),
        (World(a_case(), a_case()), "did not give a list of 1 cases"),
        (World(a_case(declined_at="now")), "case case-0: declined_at is 'now', not an"),
        (World(a_case(amount=-1000)), "case case-0: amount is -1000, not minor units"),
        (World(a_case(amount=float("nan"))), "case case-0: amount is nan, not minor"),
        (World(a_case(currency="12$")), r"case case-0: currency is '12\$'"),
        (
            World(a_case(attempt_count=float("inf"))),
            "case case-0: attempt_count is inf",
        ),
        (
            World(a_case(customer={"utc_offset_hours": float("nan")})),
            "case case-0: utc_offset_hours is nan",
        ),
        (
            World(a_case(deadline_at=MONDAY - timedelta(days=1))),
            "case case-0: deadline_at is before declined_at",
        ),
        (
            World(a_case(declined_at=MONDAY.replace(year=1))),
            "case case-0: declined_at is 0001-03-02 15:00:00.00:00, outside 1990",
        ),
        (World(a_case(past_successes=[3])), "case case-0: past_successes is 3, not an"),
    ],
)
def test_a_faulty_world_ends_the_run_with_the_case_named(
    world: World, sentence: str
) -> None:
    with pytest.raises(WorldFault, match=sentence):
        a_run(world, 1)


def test_a_world_that_hangs_ends_the_run_with_the_case_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.backtest.worlds.ANSWER_SECONDS", 0.05)
    sentence = "case case-0: attempt: no answer within 0.05 seconds"
    with pytest.raises(WorldFault, match=sentence):
        a_run(Hangs(), 1)


@pytest.mark.parametrize("swallowed", [(), (BaseException,)])
def test_a_person_ends_the_run_with_ctrl_c(
    swallowed: tuple[type[BaseException], ...],
) -> None:
    # A shell ignores Ctrl-C for what it starts in the background: kept as it was.
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        a_run(Interrupted(*swallowed), 1)
    assert signal.getsignal(signal.SIGINT) is before


def test_ids_and_amounts_may_be_numbers_of_any_make() -> None:
    given: dict[str, Any] = {
        "case_id": 7,
        "customer_id": np.int64(3),
        "invoice_id": 1,
        "amount": np.int64(1000),
        "attempt_count": np.int64(1),
        "customer": {"utc_offset_hours": np.float32(5.5), "months_active": np.int8(3)},
    }
    world = World(a_case(**given))
    record = a_run(world, 6)
    assert record.runs["7"].paid_at is not None
    asked: list[Any] = [case_id for case_id, _ in world.asked]
    assert asked == [7]


def test_codes_that_nobody_knows_are_no_fault() -> None:
    world = World(
        a_case(decline_code="made_up", advice_code="dance", network_advice_code="99"),
        opens=2,
    )
    assert as_dict(a_run(world, 1, 3))["recovered_invoices"] == 1.0
