"""A machine whose clock is wrong charges nobody and ends nothing."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
import responses
import stripe
from flask import Flask
from flask.testing import FlaskClient

from app import current, jobs
from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.services import clock_watch, doctor
from app.storage.models import Recovery, RetryAttempt
from app.storage.transaction import reading
from tests.builders import a_account, a_decline, a_recovery, an_attempt
from tests.conftest import MONDAY, SetClock

API = "https://api.stripe.com"
KEY = "rk_test_SecretOfTheMerchant"


class Stripe:
    """Answers every call with 401, and with its own idea of the time."""

    def __init__(self, wire: responses.RequestsMock) -> None:
        self.wire = wire
        self.time: datetime | None = MONDAY
        for method in (responses.GET, responses.POST):
            wire.add_callback(method, f"{API}/v1/account", self.answer)

    def answer(self, _: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        if self.time is None:
            raise requests.ConnectionError
        headers = {"Date": format_datetime(self.time, usegmt=True)}
        return 401, headers, '{"error": {"type": "invalid_request_error"}}'

    @property
    def asked(self) -> int:
        return len(self.wire.calls)


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stripe]:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)
    monkeypatch.setattr(clock_watch, "ASK_EVERY", 0.0)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        yield Stripe(wire)


@pytest.fixture
def recovery(app: Flask) -> Recovery:
    """One with four weeks to go, and a retry in three days."""
    account = a_account(sealed_api_key=current.vault().encrypt(KEY))
    recovery = a_recovery(account_id=account.id)
    a_decline(recovery_id=recovery.id, account_id=account.id)
    an_attempt(recovery_id=recovery.id, account_id=account.id)
    return recovery


def all_jobs() -> None:
    assert all(jobs.run(name) for name in jobs.BY_NAME)


def status_of(recovery: Recovery) -> RecoveryStatus:
    with reading() as session:
        return session.get_one(Recovery, recovery.id).status


def attempts() -> list[AttemptStatus]:
    with reading() as session:
        return [attempt.status for attempt in session.query(RetryAttempt)]


@pytest.mark.parametrize("days", [40, 4, -4])
def test_a_clock_that_jumps_ends_nothing_and_charges_nobody(
    recovery: Recovery, remote: Stripe, clock: SetClock, days: int
) -> None:
    assert clock_watch.may_work()
    clock.advance(days=days)
    for _ in range(2):
        all_jobs()
    assert status_of(recovery) is RecoveryStatus.IN_RETRY
    assert attempts() == [AttemptStatus.SCHEDULED]
    assert {call.request.url for call in remote.wire.calls} == {f"{API}/v1/account"}

    clock.advance(days=-days)
    assert clock_watch.may_work()
    assert clock_watch.warning() is None


def test_a_clock_that_is_wrong_from_the_start_ends_nothing(
    recovery: Recovery, remote: Stripe, clock: SetClock
) -> None:
    clock.advance(days=40)
    all_jobs()
    assert status_of(recovery) is RecoveryStatus.IN_RETRY


def test_time_that_passed_while_the_machine_slept_has_passed(
    recovery: Recovery, remote: Stripe, clock: SetClock
) -> None:
    assert clock_watch.may_work()
    clock.advance(days=40)
    remote.time = clock.time
    assert jobs.run("sweeping.sweep")
    assert status_of(recovery) is RecoveryStatus.TERMINATED


def test_where_nobody_tells_the_time_a_clock_that_jumped_is_not_believed(
    recovery: Recovery, remote: Stripe, clock: SetClock
) -> None:
    remote.time = None
    clock.advance(days=40)
    assert jobs.run("sweeping.sweep")
    assert status_of(recovery) is RecoveryStatus.IN_RETRY
    assert clock_watch.warning() is None  # nothing is known against it either

    remote.time = clock.time
    assert jobs.run("sweeping.sweep")
    assert status_of(recovery) is RecoveryStatus.TERMINATED


def test_a_clock_that_is_right_is_not_asked_about_again(
    recovery: Recovery, remote: Stripe, clock: SetClock
) -> None:
    for _ in range(5):
        assert clock_watch.may_work()
        clock.advance(seconds=30)
    assert remote.asked == 1


def test_a_clock_that_drifts_is_noticed_by_any_call(
    recovery: Recovery, remote: Stripe, clock: SetClock
) -> None:
    assert clock_watch.may_work()
    remote.time = MONDAY - timedelta(minutes=7)
    list(doctor.examine(now=clock.now()))
    assert not clock_watch.may_work()


def test_without_any_account_nothing_is_asked(
    app: Flask, remote: Stripe, clock: SetClock
) -> None:
    clock.advance(days=40)
    assert clock_watch.may_work()
    assert remote.asked == 0


def test_people_are_told_on_every_page_and_by_the_doctor(
    recovery: Recovery, remote: Stripe, clock: SetClock, owner: FlaskClient
) -> None:
    remote.time = MONDAY - timedelta(days=3)
    assert not clock_watch.may_work()
    told = "server&#39;s clock is 72 hours ahead of Stripe"
    assert told in owner.get("/").text
    findings = list(doctor.examine(now=clock.now()))
    assert any(f.is_fault and "72 hours ahead of" in f.sentence for f in findings)
