"""Lives of the product as forked processes, and the ways in which they are ended.

A fork costs a hundredth of a fresh start, so hundreds of kills fit into minutes. The
process that forks must have no thread and no database of its own.
"""

import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NoReturn

from flask import Flask
from sqlalchemy import select

from app import create_app, current, jobs, server
from app.clock import Clock
from app.config import ROOT, Config
from app.domain.recovery import OPEN
from app.services import recoveries
from app.storage.models import Recovery, User
from app.storage.transaction import reading

KILLED = 77  # the exit code of a life that was ended from within
# A crash counts where it can leave something half done.
OURS = tuple(
    f"{ROOT}/app/{part}/" for part in ("services", "storage", "stripe_gateway")
)
# Functions around the moments that matter most: claim, commit, call, record.
SHARP = (
    "_ask",
    "_claim",
    "_follow",
    "_pay",
    "_put_off",
    "_record",
    "_rescue",
    "_write",
    "claim_due",
    "follow",
    "grant",
    "keep_charges",
    "look",
    "pay",
    "plan",
    "record",
    "record_all",
    "replan_missed",
    "settle",
    "take_in",
    "transaction",
)


@dataclass(frozen=True, slots=True)
class Death:
    """When a life ends: at the n-th entry to or exit from a function of ours (only
    those called `where`, if given), or after so many seconds."""

    calls: int | None = None
    where: str | None = None
    seconds: float | None = None


Deed = Callable[[Flask], object]


def a_life(config: Config, clock: Path, deed: Deed, death: Death, log: Path) -> int:
    """Fork a process that does `deed` until it dies; its process id."""
    pid = os.fork()
    if not pid:
        _live(config, clock, deed, death, log)
    return pid


def _live(config: Config, clock: Path, deed: Deed, death: Death, log: Path) -> NoReturn:
    code = 1
    try:
        told = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(told, 1)
        os.dup2(told, 2)
        logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
        app = create_app(config, clock=Clock(clock))
        _arrange(death, log)
        with app.app_context():
            deed(app)
        code = 0
    except BaseException:
        logging.exception("a life ended badly")
    finally:
        os._exit(code)


def _arrange(death: Death, log: Path) -> None:
    if death.seconds is not None:
        threading.Thread(target=_killed_after, args=(death.seconds,)).start()
    if death.calls is not None:
        profile = _profile(death.calls, death.where, log.with_suffix(".deaths"))
        threading.setprofile(profile)
        sys.setprofile(profile)


def _killed_after(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


def _profile(
    calls: int, where: str | None, deaths: Path
) -> Callable[[FrameType, str, Any], None]:
    """A profiling function that counts down and then ends the process at once: no
    clean-up, no flush, no answer, as by `kill -9`."""
    counted = count(1)
    is_ours: dict[CodeType, bool] = {}

    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        if event not in ("call", "return"):
            return
        code = frame.f_code
        if code not in is_ours:
            is_ours[code] = code.co_filename.startswith(OURS) and (
                where is None or code.co_name == where
            )
        if is_ours[code] and next(counted) >= calls:
            _note(deaths, f"{code.co_filename[len(str(ROOT)) + 1 :]} {code.co_name}")
            os._exit(KILLED)

    return profile


def _note(deaths: Path, place: str) -> None:
    file = os.open(deaths, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{place}\n".encode())
    os.close(file)


def tick(_app: Flask) -> None:
    """Everything that is due, once, as `flask tick` does it."""
    for name in jobs.BY_NAME:
        jobs.run(name)


def serve(app: Flask) -> None:
    """Serve pages and webhooks, and work, until told to end."""
    code = server.serve(app)
    if code:
        raise RuntimeError(f"the server ended with {code}")


def meddle(seed: int) -> Deed:
    """Somebody stops, pauses, resumes and retries recoveries; then what is due."""

    def deed(app: Flask) -> None:
        chance = random.Random(seed)
        with reading() as session:
            user_id = session.scalars(select(User.id)).one()
            ids = [r.id for r in session.query(Recovery.id).order_by(Recovery.id)]
        for recovery_id in chance.sample(ids, min(3, len(ids))):
            _act(chance.choice(ACTS), recovery_id, user_id)
        tick(app)

    return deed


def _act(act: str, recovery_id: int, user_id: int) -> None:
    now = current.now()
    try:
        if act == "stop":
            recoveries.stop(recovery_id, user_id=user_id, reason="asked", now=now)
        else:
            getattr(recoveries, act)(recovery_id, user_id=user_id, now=now)
    except recoveries.ActionRefused:
        return


ACTS = ("bring_forward", "bring_forward", "pause", "resume", "stop")


def resume_all(_app: Flask) -> None:
    """What people paused goes on."""
    with reading() as session:
        user_id = session.scalars(select(User.id)).one()
        paused = [r.id for r in session.query(Recovery).all() if r.status in OPEN]
    for recovery_id in paused:
        _act("resume", recovery_id, user_id)
