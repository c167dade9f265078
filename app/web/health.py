"""`/healthz`: alive. `/readyz`: able to work. Public, so they say nothing private."""

import threading
import time
from typing import Any

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue

from app import current
from app.services import readiness

bp = Blueprint("health", __name__)

# The check takes the database's one writer: strangers may not make it do so often.
_KEPT_SECONDS = 5.0
_TEXT = {"Content-Type": "text/plain; charset=utf-8"}
_looking = threading.Lock()


@bp.get("/healthz")
def alive() -> ResponseReturnValue:
    return "alive\n", 200, _TEXT


@bp.get("/readyz")
def ready() -> ResponseReturnValue:
    found = _kept_faults()
    if found:
        return "".join(f"{fault}\n" for fault in found), 503, _TEXT
    return "ready\n", 200, _TEXT


def _kept_faults() -> list[str]:
    """The faults found in the last seconds; one thread looks, the others wait."""
    with _looking:
        kept = current_app.extensions.get("readiness")
        if kept and time.monotonic() - kept[0] < _KEPT_SECONDS:
            return list(kept[1])
        found = _faults()
        current_app.extensions["readiness"] = (time.monotonic(), found)
        return found


def _faults() -> list[str]:
    clock = current.clock()
    found = readiness.faults(now=clock.now(), real_time=clock.is_real)
    # Whoever starts the scheduler puts it there; commands and tests start none.
    scheduler: Any = current_app.extensions.get("scheduler")
    if scheduler is not None and not scheduler.running:
        found.append("the scheduler stands still")
    return list(dict.fromkeys(found))
