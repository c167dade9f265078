"""What makes the jobs run: a scheduler for the recurring ones, a thread for events.

Events are no recurring job: their thread sleeps until the inbox wakes it, so that an
event is handled at once and nothing is written while nothing happens. The scheduler
notes every run in the database, where an operator can see when each ran and runs next:
one commit a run, which is nothing every five seconds and would be much every second.
"""

import atexit
import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask

from app import current, jobs
from app.extensions import db
from app.services import clock_watch, restored, retries, schema
from app.services.deliveries import reception
from app.services.handling import Handler
from app.storage.alone import Alone, Work
from app.storage.checkpoints import keep_log_short

log = logging.getLogger(__name__)

# Seconds. What no inbox of ours announced waits so long at most: events put off, stored
# or replayed by another process, or of an account that is held back no longer.
LOOK_EVERY = 1.0
# In a sandbox an hour may pass in a second, and a retry should not look late.
EVERY_SECONDS_IN_A_SANDBOX = 0.3
# What arrives together is handled together: fewer looks, and far fewer commits.
GATHER_FOR = 0.25
AFTER_A_FAULT = 10.0
# A charge waits for Stripe up to 80 s; what is cut off here is asked about later.
STOP_WITHIN = 20.0

# The scheduler's jobs are stored by name and find their application here.
_ticking: "Ticking | None" = None


class Ticking:
    """The background work of one application, from start() to stop()."""

    def __init__(self, app: Flask) -> None:
        self.scheduler: BackgroundScheduler | None = None
        self._app = app
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._tidier = threading.Thread(target=self._tidy, name="log", daemon=True)
        with app.app_context():
            self._is_real = current.clock().is_real
            self._wake = reception().inbox.arrived

    @property
    def running(self) -> bool:
        """Whether the recurring jobs are being run."""
        return self.scheduler is not None and bool(self.scheduler.running)

    def start(self) -> None:
        """Begin, as soon as the database is there and migrated."""
        self._thread.start()

    def stop(self, *, within: float = STOP_WITHIN) -> bool:
        """Start nothing more; whether what runs has ended `within` seconds."""
        self._stopping.set()
        retries.closing.set()
        self._wake.set()
        self._thread.join(within)
        if self._tidier.is_alive():
            self._tidier.join(within)
        retries.closing.clear()
        return not self._thread.is_alive()

    def run_job(self, name: str) -> None:
        with self._app.app_context():
            jobs.run(name)

    def _run(self) -> None:
        while not (self._stopping.is_set() or self._has_begun()):
            self._stopping.wait(AFTER_A_FAULT)
        self._tidier.start()
        handler = Handler(self._app, clock=self._now, wake=self._wake)
        turn = Alone(Work.HANDLING)
        while not self._stopping.is_set():
            self._wake.wait(LOOK_EVERY)
            self._stopping.wait(GATHER_FOR if self._is_real else 0)
            self._wake.clear()
            self._safely(
                lambda: clock_watch.may_work() and turn.take() and handler.round()
            )
        if self.scheduler is not None:
            self.scheduler.shutdown()
            self._safely(lambda: retries.finish(now=self._now()))
        self._safely(handler.close)
        self._safely(turn.let_go)

    def _tidy(self) -> None:
        with self._app.app_context():
            reader, writer = db.engine, db.engines["writer"]
        while not self._stopping.is_set():
            try:
                keep_log_short(reader, writer, until=self._stopping)
                return
            except Exception:
                log.exception("the database's log was not shortened")
                self._stopping.wait(AFTER_A_FAULT)

    def _has_begun(self) -> bool:
        try:
            with self._app.app_context():
                if schema.is_migrated() and schema.was_moved():
                    log.error("nothing is retried: this database was moved")
                elif not schema.is_migrated():
                    log.error("nothing is retried: run `flask --app app db upgrade`")
                elif not clock_watch.may_work():
                    log.error("nothing is retried: Stripe has not told the time yet")
                else:
                    # Before anything may be charged: is this still the database?
                    restored.beat(now=current.now())
                    self.scheduler = _scheduler()
        except Exception:
            log.exception("nothing is retried: the database does not answer")
        return self.scheduler is not None

    def _safely(self, step: Callable[[], object]) -> None:
        try:
            with self._app.app_context():
                step()
        except Exception:
            log.exception("handling events failed; it goes on in a moment")
            self._stopping.wait(LOOK_EVERY)

    def _now(self) -> datetime:
        with self._app.app_context():
            return current.now()


def _scheduler() -> BackgroundScheduler:
    """A scheduler at work, with our jobs and no others in its store."""
    scheduler = _Scheduler(timezone="UTC")
    scheduler.add_jobstore(_JobStore(engine=db.engines["writer"]))
    scheduler.add_executor(ThreadPoolExecutor(len(jobs.EVERY_SECONDS)))
    scheduler.start(paused=True)
    try:
        scheduler.remove_all_jobs()
        for job, seconds in jobs.EVERY_SECONDS.items():
            _add(scheduler, jobs.name_of(job), seconds)
    except Exception:
        scheduler.shutdown()
        raise
    scheduler.resume()
    return scheduler


def _add(scheduler: BackgroundScheduler, name: str, seconds: int) -> None:
    """Run the job now and from now on: what was missed while we were away is due."""
    in_a_sandbox = not current.clock().is_real
    scheduler.add_job(
        f"{__name__}:run_job",
        "interval",
        args=[name],
        id=name,
        seconds=EVERY_SECONDS_IN_A_SANDBOX if in_a_sandbox else seconds,
        next_run_time=current.wall(),
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
        replace_existing=True,
    )


class _Scheduler(BackgroundScheduler):  # type: ignore[misc]
    """Survives a database that fails for a moment, which would end APScheduler's."""

    def _process_jobs(self) -> Any:
        try:
            return super()._process_jobs()
        except Exception:
            log.exception("the scheduler goes on in %s seconds", AFTER_A_FAULT)
            return AFTER_A_FAULT


class _JobStore(SQLAlchemyJobStore):  # type: ignore[misc]
    def get_due_jobs(self, now: datetime) -> list[Any]:
        """Each at its last moment that has come.

        The scheduler counts from there to now. Earlier moments that a sleeping machine
        missed are no further runs, but counting them takes long: half a million a
        month for five seconds, while nothing else is run.
        """
        if not self._scheduler.running:
            return []  # we are stopping: its executors take no more jobs
        due: list[Any] = super().get_due_jobs(now)
        for job in due:
            interval = job.trigger.interval
            job.next_run_time += (now - job.next_run_time) // interval * interval
        return due

    def shutdown(self) -> None:
        """The engine is the application's, and others still use it."""


def start(app: Flask) -> Ticking:
    """Let `app` tick in this process until it ends; one application only."""
    global _ticking
    # Said again every five seconds while many retries are due; it is as intended.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    _ticking = Ticking(app)
    app.extensions["scheduler"] = _ticking
    _ticking.start()
    atexit.register(_ticking.stop)
    return _ticking


def run_job(name: str) -> None:
    """What the scheduler calls."""
    if _ticking is not None:
        _ticking.run_job(name)
