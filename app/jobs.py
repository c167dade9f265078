"""What happens by itself, and how often."""

import logging
from collections.abc import Callable

from app import current, logs
from app.services import (
    bulk_work,
    clock_watch,
    imports,
    learning,
    pruning,
    reconciler,
    restored,
    sealing,
    sessions,
    set_aside,
    settings_doctor,
    stripe_reads,
    upkeep,
    wanted_looks,
)
from app.services.handling import handle_pending
from app.services.rescue import rescue_stuck
from app.services.retries import run_due
from app.services.sweeping import sweep

log = logging.getLogger(__name__)

Job = Callable[..., object]  # takes `now`; may run twice, or late, without harm

# Seconds. Every job asks a table what is due: the rows are the schedule. Stored events
# are handled as they come (see ticking.py), so they stand only in `flask tick`.
EVERY_SECONDS: dict[Job, int] = {
    restored.beat: 60,
    restored.look_again: 15,
    run_due: 5,
    wanted_looks.grant: 5,
    set_aside.look_again: 60,
    rescue_stuck: 60,
    sweep: 60,
    imports.go_on: 5,
    bulk_work.go_on: 5,
    reconciler.reconcile: 300,
    settings_doctor.second_looks: 300,
    stripe_reads.write_down: 60,
    upkeep.fold_tallies: 60,
    pruning.prune: 3600,
    sessions.write_down: 60,
    sealing.seal: 5,
    # Once a day for each account; the rows say when.
    learning.learn_anew: 900,
}
# In the order in which one tick does them: the news first, then what is due.
ALL: tuple[Job, ...] = (
    restored.beat,
    restored.look_again,
    imports.go_on,
    reconciler.reconcile,
    handle_pending,
    settings_doctor.second_looks,
    rescue_stuck,
    sweep,
    bulk_work.go_on,
    run_due,
    wanted_looks.grant,
    set_aside.look_again,
    stripe_reads.write_down,
    upkeep.fold_tallies,
    pruning.prune,
    sessions.write_down,
    sealing.seal,
    learning.learn_anew,
)


def name_of(job: Job) -> str:
    """What a job is called in logs and in the job store."""
    return f"{job.__module__.rpartition('.')[2]}.{job.__name__}"


BY_NAME = {name_of(job): job for job in ALL}


def run(name: str) -> bool:
    """Do what is due of one job; False, and a log entry, when it failed.

    Nothing is done by a clock that is wrong.
    """
    if not clock_watch.may_work():
        log.warning("%s waits: the clock is not known to be right", name)
        return True
    token = logs.doing.set(logs.new_id())
    try:
        BY_NAME[name](now=current.now())
    except Exception:
        log.exception("%s failed; it will be tried again", name, extra={"job": name})
        return False
    finally:
        logs.doing.reset(token)
    return True
