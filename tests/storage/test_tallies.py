"""What the database counts while it writes is what a full count finds."""

import random
from collections import Counter
from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.domain.figures import Cell
from app.domain.periods import Period, Span, period_of
from app.domain.recovery import AttemptStatus, ClosedAs, RecoveryStatus
from app.extensions import db
from app.storage import tallies
from app.storage.figures import (
    answers,
    began,
    by_code,
    cells,
    ended,
    waiting_for_people,
    won_by_retry,
)
from app.storage.models import Decline, Recovery, RetryAttempt
from app.storage.transaction import reading, transaction
from tests.builders import a_account, a_decline, a_recovery, an_attempt
from tests.conftest import MONDAY

LAST_WEEK = period_of(Span.WEEK, now=MONDAY)
EVER = period_of(Span.ALL, now=MONDAY)


def _counted_in_full() -> Counter[tuple[object, ...]]:
    counted: Counter[tuple[object, ...]] = Counter()
    with reading() as session:
        for each in session.scalars(select(Recovery)):
            key = each.currency, f"{each.started_at:%Y-%m}", each.status, each.closed_as
            counted[(*key, "count")] += 1
            counted[(*key, "amount")] += each.amount
            counted[(*key, "recovered")] += each.recovered_amount
    return counted


def _kept() -> Counter[tuple[object, ...]]:
    kept: Counter[tuple[object, ...]] = Counter()
    with reading() as session:
        for cell in cells(session, accounts=None):
            key = cell.currency, cell.cohort, cell.status, cell.closed_as
            kept[(*key, "count")] = cell.count
            kept[(*key, "amount")] = cell.amount
            kept[(*key, "recovered")] = cell.recovered
    return kept


def test_recoveries_stay_counted_through_a_hundred_changes(app: Flask) -> None:
    dice = random.Random(5)
    ids = [
        a_recovery(
            amount=dice.randint(1, 9999),
            currency=dice.choice(["eur", "usd"]),
            started_at=MONDAY - timedelta(days=dice.randint(0, 100)),
        ).id
        for _ in range(12)
    ]
    for _ in range(100):
        with transaction() as session:
            one = session.get_one(Recovery, dice.choice(ids))
            one.status = dice.choice(list(RecoveryStatus))
            one.closed_as = dice.choice([None, *ClosedAs])
            one.amount = dice.randint(1, 9999)
            one.recovered_amount = dice.choice([0, one.amount])
            one.looked_at += timedelta(seconds=1)
    assert +_kept() == +_counted_in_full()
    with transaction() as session:
        session.delete(session.get_one(Recovery, ids[0]))
    assert +_kept() == +_counted_in_full()


def _full(period: Period) -> dict[str, Counter[tuple[object, ...]]]:
    """The same as the counts by day, from the rows themselves."""
    found: dict[str, Counter[tuple[object, ...]]] = {
        "began": Counter(), "ended": Counter(), "won": Counter(),
    }  # fmt: skip

    def is_inside(time: datetime | None) -> bool:
        day = time and time.date()
        if day is None or period.first is None:
            return day is not None
        return period.first <= day <= period.last

    with reading() as session:
        for each in session.scalars(select(Recovery)):
            key = each.currency, each.status, each.closed_as
            sums = {"count": 1, "amount": each.amount, "won": each.recovered_amount}
            if is_inside(each.started_at):
                found["began"].update({(*key, name): n for name, n in sums.items()})
            if is_inside(each.ended_at):
                assert each.ended_at
                day = each.ended_at.date()
                day = day if period.first else day.replace(day=1)
                told = {(*key, day, name): n for name, n in sums.items()}
                found["ended"].update(told)
                if each.status is RecoveryStatus.RECOVERED:
                    found["won"][each.retries,] += 1
    return found


def _by_day(period: Period) -> dict[str, Counter[tuple[object, ...]]]:
    found: dict[str, Counter[tuple[object, ...]]] = {
        "began": Counter(), "ended": Counter(), "won": Counter(),
    }  # fmt: skip
    with reading() as session:
        told: list[tuple[str, date | None, Cell]] = [
            *(("began", None, c) for c in began(session, period, accounts=None)),
            *(
                ("ended", each.day, each.cell)
                for each in ended(session, period, accounts=None)
            ),
        ]
        found["won"].update(
            {(n,): count for n, count in won_by_retry(session, period, accounts=None)}
        )
    for name, day, cell in told:
        key = (cell.currency, cell.status, cell.closed_as, *([day] if day else []))
        sums = {"count": cell.count, "amount": cell.amount, "won": cell.recovered}
        found[name].update({(*key, what): n for what, n in sums.items()})
    return found


def test_counts_by_day_are_those_of_a_full_count(app: Flask) -> None:
    dice = random.Random(7)
    ids = [
        a_recovery(
            amount=dice.randint(1, 9999),
            currency=dice.choice(["eur", "usd"]),
            started_at=MONDAY - timedelta(hours=dice.randint(0, 2000)),
        ).id
        for _ in range(12)
    ]
    periods = [period_of(span, now=MONDAY) for span in Span]
    for turn in range(100):
        with transaction() as session:
            one = session.get_one(Recovery, dice.choice(ids))
            one.status = dice.choice(list(RecoveryStatus))
            one.closed_as = dice.choice([None, *ClosedAs])
            one.retries = dice.randint(0, 4)
            one.amount = dice.randint(1, 9999)
            one.recovered_amount = dice.choice([0, one.amount])
            over = one.started_at + timedelta(hours=dice.randint(0, 900))
            one.ended_at = dice.choice([None, over])
            one.looked_at += timedelta(seconds=1)
        if turn % 25 == 24:
            for period in periods:
                kept, full = _by_day(period), _full(period)
                for name in full:
                    assert +kept[name] == +full[name], (period, name)
    with transaction() as session:
        for id in ids[:6]:
            session.delete(session.get_one(Recovery, id))
    for period in periods:
        kept, full = _by_day(period), _full(period)
        for name in full:
            assert +kept[name] == +full[name], (period, name)


def test_a_change_that_is_rolled_back_is_not_counted(app: Flask) -> None:
    made = a_recovery()
    before = _kept()
    with transaction() as session:
        session.get_one(Recovery, made.id).status = RecoveryStatus.RECOVERED
        session.flush()
        session.rollback()
    assert _kept() == before


def test_declines_are_counted_by_month_code_and_kind(app: Flask) -> None:
    for _ in range(3):
        a_decline()
    a_decline(decline_code=None)
    a_decline(occurred_at=MONDAY - timedelta(days=100))
    with reading() as session:
        in_days = by_code(session, LAST_WEEK, accounts=None)
        ever = by_code(session, EVER, accounts=None)
    for rows, count in ((in_days, 3), (ever, 4)):
        assert [(row.decline_code, row.declines) for row in rows] == [
            ("insufficient_funds", count),
            ("", 1),
        ]


def test_an_answered_retry_is_counted_once_at_its_hour(app: Flask) -> None:
    made = an_attempt(number=2)
    with reading() as session:
        assert answers(session, accounts=None) == []
    for status in (AttemptStatus.RUNNING, AttemptStatus.UNKNOWN):
        with transaction() as session:
            row = session.get_one(RetryAttempt, made.id)
            row.status, row.started_at = status, MONDAY
    with transaction() as session:
        session.get_one(RetryAttempt, made.id).status = AttemptStatus.SUCCEEDED
    with transaction() as session:
        session.get_one(RetryAttempt, made.id).outcome = "Paid."
    with reading() as session:
        (one,) = answers(session, accounts=None)
    assert (one.number, one.weekday, one.hour, one.count) == (2, 1, 9, 1)
    assert one.is_approved


def test_counts_keep_to_the_accounts_one_may_see(app: Flask) -> None:
    mine, other = a_account(), a_account()
    a_decline(account_id=other.id)
    only_mine = frozenset({mine.id})
    with reading() as session:
        assert cells(session, accounts=only_mine) == []
        assert by_code(session, EVER, accounts=only_mine) == []
        assert waiting_for_people(session, accounts=only_mine) == []
        assert session.scalars(select(Decline)).one()


@pytest.fixture
def on_a_server(app: Flask) -> None:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer")


def test_transactions_that_change_several_recoveries_do_not_wait_for_each_other(
    on_a_server: None,
) -> None:
    # Each changes one of both kinds, in opposite orders: sums in shared rows would
    # have the two wait for each other for ever.
    euros, more_euros = a_recovery(currency="eur"), a_recovery(currency="eur")
    dollars, more_dollars = a_recovery(currency="usd"), a_recovery(currency="usd")
    engine = db.engines["writer"]
    with Session(engine) as one, Session(engine) as other:
        for session, row in (
            (one, euros),
            (other, dollars),
            (one, more_dollars),
            (other, more_euros),
        ):
            session.execute(text("SET LOCAL lock_timeout = '2s'"))
            changed = session.get_one(Recovery, row.id)
            changed.status, changed.ended_at = RecoveryStatus.STOPPED, MONDAY
            session.flush()
        one.commit()
        other.commit()
    assert +_kept() == +_counted_in_full()


def test_folding_changes_no_figure_and_no_change_is_lost_meanwhile(
    on_a_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallies, "_WORTH_FOLDING", 1)
    made = [a_recovery(currency="eur") for _ in range(5)]
    for _ in range(3):
        a_decline(recovery_id=made[0].id)
    an_attempt(recovery_id=made[1].id, status=AttemptStatus.DECLINED)
    with Session(db.engines["writer"]) as under_way:
        under_way.get_one(Recovery, made[0].id).amount += 1
        under_way.flush()
        with transaction() as session:
            assert tallies.fold(session) > 0
            assert tallies.fold(session) == 0
        under_way.commit()
    assert +_kept() == +_counted_in_full()
    with reading() as session:
        (codes,) = by_code(session, EVER, accounts=None)
    assert codes.declines == 3
