"""What happens by itself: which jobs, how often, and that nothing ends them."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from apscheduler.job import Job
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app import create_app, jobs, ticking
from app.config import Config
from app.domain.account import EventStatus
from app.extensions import db
from app.services.deliveries import reception
from app.storage.models import StripeEvent
from app.storage.transaction import reading, transaction
from tests.builders import a_account
from tests.conftest import SetClock
from tests.storage.test_line import until
from tests.stripe_events import a_kept_event, the_event


@pytest.fixture
def app(unmade_config: Config, clock: SetClock) -> Iterator[Flask]:
    """The application on a migrated database."""
    app = create_app(unmade_config, clock=clock)
    with app.app_context():
        upgrade()
        yield app
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def work(app: Flask) -> Iterator[ticking.Ticking]:
    work = ticking.start(app)
    yield work
    assert work.stop(within=10)
    reception().inbox.close()


def an_event_without_concern() -> StripeEvent:
    """Stored and waiting; handling it needs no call."""
    return a_kept_event(
        a_account().id,  # there is nothing to call Stripe with
        type="invoice.paid",
        object={"billing_reason": "manual"},
    )


def is_handled(row: StripeEvent) -> bool:
    return the_event(row).status is EventStatus.HANDLED


def test_creating_the_application_starts_nothing(unmade_config: Config) -> None:
    running = set(threading.enumerate())
    app = create_app(unmade_config)
    assert set(threading.enumerate()) <= running
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


def test_every_job_does_nothing_twice_on_an_empty_database(app: Flask) -> None:
    assert all(jobs.run(name) for name in [*jobs.BY_NAME] * 2)


def test_every_recurring_job_is_done_by_a_tick_too() -> None:
    assert set(jobs.EVERY_SECONDS) <= set(jobs.ALL)


def test_a_job_that_fails_is_logged_and_fails_nobody_else(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    with transaction() as session:
        session.execute(text("DROP TABLE retry_attempt"))
    assert not jobs.run("retries.run_due") or not jobs.run("rescue.rescue_stuck")
    assert "failed; it will be tried again" in caplog.text
    assert jobs.run("handling.handle_pending")


def stored_jobs(work: ticking.Ticking) -> list[Job]:
    until(lambda: work.running)
    assert work.scheduler is not None
    return list(work.scheduler.get_jobs())


def test_every_recurring_job_stands_in_the_store_with_its_next_run(
    work: ticking.Ticking, app: Flask
) -> None:
    every = {}
    for job in stored_jobs(work):
        assert job.next_run_time is not None
        assert (job.coalesce, job.max_instances) == (True, 1)
        assert job.misfire_grace_time is None
        every[job.id] = job.trigger.interval.total_seconds()
    assert every == {
        jobs.name_of(job): seconds for job, seconds in jobs.EVERY_SECONDS.items()
    }


def test_what_was_missed_in_months_delays_nothing_now(
    app: Flask, clock: SetClock
) -> None:
    clock.advance(days=-200)  # three million runs of a job of five seconds
    work = ticking.start(app)
    until(
        lambda: all(job.next_run_time > datetime.now(UTC) for job in stored_jobs(work))
    )
    assert work.stop(within=10)


def test_a_job_of_an_older_version_leaves_the_store(app: Flask) -> None:
    work = ticking.start(app)
    stored_jobs(work)
    assert work.scheduler is not None
    work.scheduler.add_job("app.ticking:run_job", "interval", args=["gone"], id="gone")
    assert work.stop(within=10)
    work = ticking.start(app)
    assert "gone" not in {job.id for job in stored_jobs(work)}
    assert work.stop(within=10)


def test_a_stored_event_is_handled_without_anybodys_doing(
    work: ticking.Ticking, app: Flask
) -> None:
    event = an_event_without_concern()
    until(lambda: is_handled(event))


def test_a_database_that_fails_for_a_moment_ends_neither_events_nor_jobs(
    work: ticking.Ticking, app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    until(lambda: work.running)
    with transaction() as session:
        session.execute(text("ALTER TABLE stripe_event RENAME TO away"))
        session.execute(text("ALTER TABLE apscheduler_jobs RENAME TO away_too"))
    reception().inbox.arrived.set()
    until(lambda: "handling events failed" in caplog.text)
    with transaction() as session:
        session.execute(text("ALTER TABLE away RENAME TO stripe_event"))
        session.execute(text("ALTER TABLE away_too RENAME TO apscheduler_jobs"))
    event = an_event_without_concern()
    until(lambda: is_handled(event))
    assert work.running


def test_nothing_runs_before_the_database_is_migrated(
    unmade_config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(unmade_config)
    work = ticking.start(app)
    until(lambda: "run `flask --app app db upgrade`" in caplog.text)
    assert not work.running
    assert work.stop(within=10)
    with app.app_context(), reading() as session, pytest.raises(OperationalError):
        session.execute(text("SELECT 1 FROM apscheduler_jobs"))
