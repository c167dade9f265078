"""The inbox: nothing is answered before it is durable, whatever happens meanwhile."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, func, select, text

from app.domain.account import EventStatus
from app.extensions import db
from app.services import inbox as inboxes
from app.services.inbox import Arrival, Inbox, InboxFull, NotStored
from app.storage.line import OneInLine
from app.storage.models import StripeAccount, StripeEvent
from app.storage.transaction import reading, transaction
from tests.builders import a_account
from tests.conftest import MONDAY
from tests.storage.test_line import until


def an_arrival(id: str, account_id: int | None = None) -> Arrival:
    return Arrival(
        stripe_event_id=id,
        account_id=account_id,
        type="invoice.paid",
        object_id="in_1",
        livemode=False,
        payload="{}",
        occurred_at=MONDAY,
        received_at=MONDAY,
        status=EventStatus.PENDING,
    )


def test_what_a_fault_of_the_database_logs_holds_no_customers(
    inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    unfit = replace(an_arrival("evt_1"), payload="Ann Example", account_id=404)
    with pytest.raises(NotStored):
        inbox.keep(unfit)
    assert "1 events were not stored" in caplog.text
    assert "INSERT INTO stripe_event" in caplog.text
    assert "Ann Example" not in caplog.text


def how_many() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(StripeEvent)) or 0


@pytest.fixture
def inbox(app: Flask) -> Iterator[Inbox]:
    inbox = Inbox(app, room=8)
    yield inbox
    inbox.close()


@contextmanager
def nobody_else_may_write() -> Iterator[None]:
    """Holds the database's one writer, so that arrivals gather."""
    with transaction() as session:
        session.connection()
        yield


def until_the_writer_waits_its_turn() -> None:
    pool = db.engines["writer"].pool
    assert isinstance(pool, OneInLine)
    line = pool.line
    until(lambda: len(line) == 1)


def test_what_is_kept_is_there_for_every_reader(inbox: Inbox) -> None:
    inbox.keep(an_arrival("evt_1"))
    assert how_many() == 1


def test_a_repeat_is_kept_once(inbox: Inbox) -> None:
    inbox.keep(an_arrival("evt_1"))
    inbox.keep(an_arrival("evt_1"))
    assert how_many() == 1


@pytest.mark.sqlite
def test_what_gathers_while_one_writes_is_committed_at_once(inbox: Inbox) -> None:
    commits = []
    event.listen(db.engines["writer"], "commit", lambda _: commits.append(1))
    account = a_account()
    commits.clear()
    with ThreadPoolExecutor(8) as pool:
        with nobody_else_may_write():
            first = pool.submit(inbox.keep, an_arrival("evt_0", account.id))
            until_the_writer_waits_its_turn()
            rest = [
                pool.submit(inbox.keep, an_arrival(f"evt_{n}", account.id))
                for n in range(1, 8)
            ]
            until(lambda: len(inbox) == 7)
            assert not first.done()
        for each in [first, *rest]:
            each.result()
    assert how_many() == 8
    assert len(commits) == 3  # ours that held them up, the first, the seven


@pytest.mark.sqlite
def test_the_same_event_twice_in_one_batch_is_stored_once(inbox: Inbox) -> None:
    with ThreadPoolExecutor(3) as pool:
        with nobody_else_may_write():
            pool.submit(inbox.keep, an_arrival("evt_0"))
            until_the_writer_waits_its_turn()
            twice = [pool.submit(inbox.keep, an_arrival("evt_1")) for _ in range(2)]
            until(lambda: len(inbox) == 2)
        for each in twice:
            each.result()
    assert how_many() == 2


@pytest.mark.sqlite
def test_a_full_inbox_refuses_and_stores_what_it_took(inbox: Inbox) -> None:
    with ThreadPoolExecutor(9) as pool:
        with nobody_else_may_write():
            taken = [pool.submit(inbox.keep, an_arrival("evt_0"))]
            until_the_writer_waits_its_turn()
            taken += [
                pool.submit(inbox.keep, an_arrival(f"evt_{n}")) for n in range(1, 9)
            ]
            until(lambda: len(inbox) == 8)
            with pytest.raises(InboxFull):
                inbox.keep(an_arrival("evt_9"))
        for each in taken:
            each.result()
    assert how_many() == 9


@pytest.mark.sqlite
def test_a_database_that_refuses_is_never_answered_with_success(
    inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    with transaction() as session:
        session.execute(
            text(
                "CREATE TRIGGER full BEFORE INSERT ON stripe_event BEGIN"
                " SELECT RAISE(ABORT, 'database or disk is full'); END"
            )
        )
    with pytest.raises(NotStored):
        inbox.keep(an_arrival("evt_1"))
    assert "1 events were not stored" in caplog.text
    with transaction() as session:
        session.execute(text("DROP TRIGGER full"))
    inbox.keep(an_arrival("evt_1"))
    assert how_many() == 1


@pytest.mark.sqlite
def test_a_database_that_hangs_is_never_answered_with_success(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inboxes, "PATIENCE", 0.01)
    with nobody_else_may_write(), pytest.raises(NotStored):
        inbox.keep(an_arrival("evt_1"))


@pytest.mark.sqlite
def test_closing_writes_what_was_taken_and_refuses_the_rest(inbox: Inbox) -> None:
    with ThreadPoolExecutor(2) as pool:
        with nobody_else_may_write():
            first = pool.submit(inbox.keep, an_arrival("evt_0"))
            until_the_writer_waits_its_turn()
            second = pool.submit(inbox.keep, an_arrival("evt_1"))
            until(lambda: len(inbox) == 1)
            closing = threading.Thread(target=inbox.close)
            closing.start()
        closing.join()
        first.result()
        second.result()
    with pytest.raises(NotStored):
        inbox.keep(an_arrival("evt_2"))
    assert how_many() == 2


def test_nothing_runs_before_the_first_event(app: Flask) -> None:
    running = set(threading.enumerate())
    an_inbox = Inbox(app)
    assert set(threading.enumerate()) <= running
    an_inbox.close()


def test_an_arrival_wakes_whoever_handles(inbox: Inbox) -> None:
    inbox.keep(an_arrival("evt_1"))
    assert inbox.arrived.is_set()


def test_when_an_account_was_last_heard_is_exact_to_a_second(inbox: Inbox) -> None:
    account = a_account()
    for n, after in enumerate((0, 0.5, 1, 90)):
        at = MONDAY + timedelta(seconds=after)
        inbox.keep(replace(an_arrival(f"evt_{n}", account.id), received_at=at))
        with reading() as session:
            heard_at = session.get_one(StripeAccount, account.id).last_event_at
        assert heard_at is not None
        assert timedelta() <= at - heard_at < timedelta(seconds=1)


@pytest.mark.sqlite
def test_how_long_a_delivery_had_to_wait_is_told_once(inbox: Inbox) -> None:
    assert inbox.longest_wait() == 0
    with ThreadPoolExecutor(1) as pool:
        before = time.monotonic()
        with nobody_else_may_write():
            kept = pool.submit(inbox.keep, an_arrival("evt_1"))
            until_the_writer_waits_its_turn()
            waits_since = time.monotonic()
        at_least = time.monotonic() - waits_since
        kept.result()
    assert at_least <= inbox.longest_wait() <= time.monotonic() - before
    assert inbox.longest_wait() == 0
