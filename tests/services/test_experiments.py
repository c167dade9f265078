"""Experiments: dealt as recoveries begin, counted by intention, adopted."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.experiment_verdict import Standing
from app.domain.experiments import Arm, arm_of
from app.domain.recovery import ClosedAs, RecoveryStatus
from app.domain.strategies.own import Definition, Line
from app.services import experiment_results, experiments, own_strategies, strategies
from app.services.experiment_results import Result
from app.services.experiments import ExperimentRefused, Wish
from app.services.strategies import StrategyRefused
from app.storage.models import AuditEntry, Recovery, StripeAccount
from app.storage.strategy_models import Allocation, Experiment
from app.storage.transaction import reading, transaction
from tests.builders import a_account, a_recovery, a_user
from tests.conftest import MONDAY
from tests.merchants import Merchant

CODE = "insufficient_funds"
WEEKS = timedelta(days=30)


def a_wish(account_id: int, **over: Any) -> Wish:
    wish = Wish(account_id, "Winter", control="even-spread", treatment="fixed-ladder")
    return replace(wish, **over)


def started(account_id: int, *, now: datetime = MONDAY, **over: Any) -> Experiment:
    wish = a_wish(account_id, **over)
    new_id = experiments.start(wish, user_id=a_user().id, now=now)
    with reading() as session:
        return session.get_one(Experiment, new_id)


def allocations() -> dict[int, Allocation]:
    with reading() as session:
        return {row.recovery_id: row for row in session.scalars(select(Allocation))}


def result_of(row: Experiment, *, now: datetime) -> Result:
    with reading() as session:
        return experiment_results.result(session, row, now=now)


def test_a_recovery_takes_the_arm_of_its_customer(merchant: Merchant) -> None:
    row = started(merchant.account_id, now=merchant.now)
    for _ in range(4):
        merchant.declined_renewal(default=CODE)
    with reading() as session:
        recoveries = session.scalars(select(Recovery)).all()
    dealt = allocations()
    assert len(recoveries) == 4
    for each in recoveries:
        arm = arm_of(each.stripe_customer_id, seed=row.seed, treatment_percent=50)
        wanted = "fixed-ladder" if arm is Arm.TREATMENT else "even-spread"
        assert (each.strategy, each.strategy_version) == (wanted, "1")
        assert dealt[each.id].arm is arm
        ends_at = each.started_at + timedelta(days=28)
        assert dealt[each.id].window_ends_at == ends_at


def test_declines_from_before_the_start_stay_outside(merchant: Merchant) -> None:
    before = merchant.declined_renewal(default=CODE)
    started(merchant.account_id, now=merchant.now)
    merchant.look(before)
    subscriber = merchant.subscriber(default=CODE)
    late = merchant.renew(subscriber)
    assert allocations() == {}
    merchant.look(late)
    assert set(allocations()) == {merchant.recovery(late).id}


def test_a_decline_that_is_noticed_late_stays_outside(merchant: Merchant) -> None:
    invoice = merchant.renew(merchant.subscriber(default=CODE))
    started(merchant.account_id, now=merchant.now + timedelta(hours=1))
    merchant.look(invoice)
    assert merchant.recovery(invoice).strategy == "even-spread"
    assert allocations() == {}


def test_a_scheduled_experiment_waits_and_a_stopped_one_deals_no_more(
    merchant: Merchant,
) -> None:
    row = started(merchant.account_id, now=merchant.now, treatment_percent=95)
    merchant.declined_renewal(default=CODE)
    experiments.stop(row.id, user_id=a_user().id, now=merchant.now)
    merchant.declined_renewal(default=CODE)
    later = merchant.now + timedelta(days=200)
    started(merchant.account_id, now=merchant.now, starts_at=later)
    merchant.declined_renewal(default=CODE)
    assert [each.experiment_id for each in allocations().values()] == [row.id]


def test_one_with_a_day_for_its_end_stops_by_itself(merchant: Merchant) -> None:
    own_strategies.create(
        "mine", Definition((Line(),)), user_id=a_user().id, now=merchant.now
    )
    stops_at = merchant.now + timedelta(days=40)
    row = started(
        merchant.account_id, now=merchant.now, treatment="mine", stops_at=stops_at
    )
    merchant.declined_renewal(default=CODE)
    merchant.declined_renewal(default=CODE)  # a month later, on day 62
    assert len(allocations()) == 1
    user_id = a_user().id
    with pytest.raises(ExperimentRefused, match="ended already"):
        experiments.stop(row.id, user_id=user_id, now=merchant.now)
    own_strategies.retire("mine", user_id=user_id, now=merchant.now)
    after = started(merchant.account_id, now=merchant.now)
    with reading() as session:
        assert session.get_one(Experiment, row.id).stopped_at == stops_at
    merchant.declined_renewal(default=CODE)
    assert sorted(each.experiment_id for each in allocations().values()) == [
        *(row.id, after.id)
    ]


def test_what_is_adopted_later_ended_on_its_day(app: Flask) -> None:
    stops_at = MONDAY + timedelta(days=9)
    row = started(a_account().id, stops_at=stops_at)
    user_id, later = a_user().id, stops_at + timedelta(days=30)
    experiments.adopt(row.id, Arm.TREATMENT, user_id=user_id, now=later)
    with reading() as session:
        assert session.get_one(Experiment, row.id).stopped_at == stops_at


def test_an_end_before_the_start_is_refused(app: Flask) -> None:
    account = a_account()
    for stops_at in (MONDAY, MONDAY - timedelta(days=1)):
        with pytest.raises(ExperimentRefused, match="after its start"):
            started(account.id, stops_at=stops_at)
    with pytest.raises(ExperimentRefused, match="after its start"):
        week = MONDAY + timedelta(days=7)
        started(account.id, starts_at=week, stops_at=MONDAY + timedelta(days=3))


def _dealt(row: Experiment, arm: Arm, *, at: datetime = MONDAY, **over: Any) -> None:
    recovery = a_recovery(account_id=row.account_id, started_at=at, **over)
    with transaction() as session:
        session.add(
            Allocation(
                recovery_id=recovery.id,
                experiment_id=row.id,
                arm=arm,
                window_ends_at=at + timedelta(days=28),
            )
        )


def test_what_is_paid_in_time_counts_whoever_collected_it(app: Flask) -> None:
    row = started(a_account().id)
    in_time, late = MONDAY + timedelta(days=20), MONDAY + timedelta(days=29)
    closed: dict[str, Any] = {"status": RecoveryStatus.CLOSED, "ended_at": in_time}
    elsewhere = closed | {"closed_as": ClosedAs.PAID_ELSEWHERE}
    recovered: dict[str, Any] = {"status": RecoveryStatus.RECOVERED, "retries": 3}
    _dealt(row, Arm.CONTROL, **recovered, ended_at=in_time, amount=1000)
    _dealt(row, Arm.CONTROL, **elsewhere, amount=3000)
    _dealt(row, Arm.CONTROL, **(elsewhere | {"ended_at": late}), amount=1000)
    _dealt(row, Arm.TREATMENT, **closed, closed_as=ClosedAs.CANCELED, amount=2000)
    _dealt(row, Arm.TREATMENT, amount=2000)
    # Not over yet: neither counted as lost nor as paid.
    _dealt(row, Arm.TREATMENT, at=MONDAY + timedelta(days=5), **recovered)
    found = result_of(row, now=MONDAY + WEEKS)
    control, treatment = (found.renewals[arm] for arm in Arm)
    assert (control.count, control.won) == (3, 2)
    assert (treatment.count, treatment.won) == (2, 0)
    assert found.counts[Arm.TREATMENT].allocated == 3
    assert found.counts[Arm.TREATMENT].closed == 2
    assert found.counts[Arm.CONTROL].retries == 3
    (money,) = found.money
    assert money.currency == "eur"
    assert money.sums[Arm.CONTROL].won == 4000
    assert money.sums[Arm.CONTROL].of == 5000
    assert found.verdict.standing is Standing.MEASURING


def test_errors_are_clustered_by_customer(app: Flask) -> None:
    row = started(a_account().id)
    for customer in ("cus_a", "cus_a", "cus_b"):
        _dealt(row, Arm.CONTROL, stripe_customer_id=customer)
    sums = result_of(row, now=MONDAY + WEEKS).renewals[Arm.CONTROL]
    assert (sums.count, sums.customers, sums.of_squared) == (3, 2, 5)


def test_one_giant_invoice_does_not_decide(app: Flask) -> None:
    row = started(a_account().id)
    for amount in (*([1000] * 120), 90_000_000):
        _dealt(row, Arm.CONTROL, amount=amount)
    (money,) = result_of(row, now=MONDAY + WEEKS).money
    assert money.sums[Arm.CONTROL].of == 121_000


def test_an_experiment_without_anything_yet_has_a_result(app: Flask) -> None:
    found = result_of(started(a_account().id), now=MONDAY)
    assert found.verdict.sentence.startswith("Still measuring: 0 closed renewals")
    assert found.money == []


def test_a_account_has_one_experiment_at_a_time(app: Flask) -> None:
    account = a_account()
    started(account.id)
    with pytest.raises(ExperimentRefused, match="stop it before"):
        started(account.id)
    started(a_account().id)


def test_the_winner_is_adopted_and_the_experiment_ends(app: Flask) -> None:
    account = a_account()
    row = started(account.id)
    user_id = a_user().id
    experiments.adopt(row.id, Arm.TREATMENT, user_id=user_id, now=MONDAY)
    with reading() as session:
        assert session.get_one(StripeAccount, account.id).strategy == "fixed-ladder"
        ended = session.get_one(Experiment, row.id)
        trail = session.scalars(select(AuditEntry.action)).all()
    assert (ended.stopped_at, ended.adopted) == (MONDAY, Arm.TREATMENT)
    assert trail == ["experiment started", "experiment adopted"]
    with pytest.raises(ExperimentRefused, match="ended already"):
        experiments.stop(row.id, user_id=user_id, now=MONDAY)


def test_what_is_adopted_is_the_version_that_was_tested(app: Flask) -> None:
    account, other, user_id = a_account(), a_account(), a_user().id
    first, *later = (Definition((Line(tries=tries),)) for tries in (3, 4, 5))
    own_strategies.create("mine", first, user_id=user_id, now=MONDAY)
    strategies.choose(other.id, "mine", user_id=user_id, now=MONDAY)
    row = started(account.id, treatment="mine")
    own_strategies.edit("mine", later[0], since=1, user_id=user_id, now=MONDAY)
    said = experiments.adopt(row.id, Arm.TREATMENT, user_id=user_id, now=MONDAY)
    assert said == "mine, version 1"
    assert _taken_by(account) == ("mine", "1")
    assert _taken_by(other) == ("mine", "2")
    # A version saved since is taken: its editor was told so.
    own_strategies.edit("mine", later[1], since=2, user_id=user_id, now=MONDAY)
    assert _taken_by(account) == ("mine", "3")


def test_choosing_an_adopted_strategy_again_takes_its_newest_version(
    app: Flask,
) -> None:
    account, user_id = a_account(), a_user().id
    first, later = (Definition((Line(tries=tries),)) for tries in (3, 4))
    own_strategies.create("mine", first, user_id=user_id, now=MONDAY)
    row = started(account.id, treatment="mine")
    own_strategies.edit("mine", later, since=1, user_id=user_id, now=MONDAY)
    experiments.adopt(row.id, Arm.TREATMENT, user_id=user_id, now=MONDAY)
    strategies.choose(account.id, "mine", user_id=user_id, now=MONDAY)
    assert _taken_by(account) == ("mine", "2")


def _taken_by(account: StripeAccount) -> tuple[str, str]:
    with transaction() as session:
        row = session.get_one(StripeAccount, account.id)
        dealt = experiments.deal(
            session, row, "cus_any", declined_at=MONDAY, now=MONDAY
        )
        return dealt.strategy, dealt.version


def test_an_own_strategy_keeps_its_version_for_the_whole_experiment(app: Flask) -> None:
    account, user_id = a_account(), a_user().id
    one, two = Definition((Line(tries=3),)), Definition((Line(tries=4),))
    own_strategies.create("mine", one, user_id=user_id, now=MONDAY)
    row = started(account.id, treatment="mine", treatment_percent=95)
    own_strategies.edit("mine", two, since=1, user_id=user_id, now=MONDAY)
    customer = next(
        f"cus_{n}"
        for n in range(99)
        if arm_of(f"cus_{n}", seed=row.seed, treatment_percent=95) is Arm.TREATMENT
    )
    with transaction() as session:
        dealt = experiments.deal(
            session,
            session.get_one(StripeAccount, account.id),
            customer,
            declined_at=MONDAY,
            now=MONDAY,
        )
        assert (dealt.strategy, dealt.version) == ("mine", "1")
        assert strategies.version_in_force(session, "mine") == "2"
    with pytest.raises(StrategyRefused, match="An experiment uses it"):
        own_strategies.retire("mine", user_id=user_id, now=MONDAY)


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"control": "martingale"}, "control"),
        ({"treatment": ""}, "treatment"),
        ({"treatment_percent": 4}, "share"),
        ({"treatment_percent": 96}, "share"),
        ({"points": 0}, "points"),
        ({"starts_at": MONDAY + timedelta(days=400)}, "starts"),
    ],
)
def test_what_makes_no_sense_is_refused(
    app: Flask, over: dict[str, Any], field: str
) -> None:
    with pytest.raises(ExperimentRefused) as refusal:
        started(a_account().id, **over)
    assert refusal.value.field == field


def _began(account_id: int, days: int, count: int, **over: Any) -> None:
    """So many recoveries, that many days before Monday."""
    for _ in range(count):
        a_recovery(
            account_id=account_id,
            subscription_id=None,
            started_at=MONDAY - timedelta(days=days),
            **over,
        )


def test_a_merchants_own_numbers_come_from_whole_months(app: Flask) -> None:
    account = a_account(connected_at=MONDAY - timedelta(days=120))
    for days, count in ((10, 12), (40, 36), (0, 50)):
        _began(account.id, days, count, status=RecoveryStatus.RECOVERED)
    with reading() as session:
        own = experiment_results.expected(session, account.id, now=MONDAY)
        other = experiment_results.expected(session, 999, now=MONDAY)
    assert (own.monthly, own.base, own.has_history) == (16, 0.9, True)
    assert (other.monthly, other.base, other.has_history) == (100, 0.45, False)


def test_renewals_that_may_still_be_paid_lower_no_share(app: Flask) -> None:
    account = a_account()
    _began(account.id, 40, 40, status=RecoveryStatus.RECOVERED)
    _began(account.id, 10, 40)  # last month's, all of them still open
    with reading() as session:
        own = experiment_results.expected(session, account.id, now=MONDAY)
    assert own.base == 0.9


def test_a_month_just_begun_is_not_taken_for_a_whole_one(app: Flask) -> None:
    account = a_account()
    _began(account.id, 0, 10)
    with reading() as session:
        few = experiment_results.expected(
            session, account.id, now=MONDAY + timedelta(days=3)
        )
        half = experiment_results.expected(
            session, account.id, now=MONDAY + timedelta(days=15)
        )
    assert (few.monthly, few.has_history) == (100, False)
    assert (half.monthly, half.has_history) == (20, True)


def test_what_was_open_at_the_import_is_no_month_of_declines(app: Flask) -> None:
    account = a_account(connected_at=MONDAY)
    _began(account.id, 10, 3)  # older ones, of which the paid ones are not known
    _began(account.id, -5, 20)
    with reading() as session:
        own = experiment_results.expected(
            session, account.id, now=MONDAY + timedelta(days=15)
        )
    assert (own.monthly, own.has_history) == (41, True)
