"""Experiments: started, dealt to recoveries as they begin, stopped, adopted."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.account import ConnectionStatus
from app.domain.experiments import Arm, arm_of, needed_on_any_day
from app.domain.strategies import ALL
from app.domain.window import WINDOW_DAYS
from app.services.audit import note
from app.services.experiment_results import expected
from app.services.strategies import called, choices, version_in_force
from app.storage import experiment_reads
from app.storage.models import Recovery, StripeAccount
from app.storage.strategy_models import Allocation, Experiment
from app.storage.transaction import transaction

_WINDOW = timedelta(days=WINDOW_DAYS)
# A share of an arm below this measures next to nothing.
LEAST_PERCENT, MOST_PERCENT = 5, 95
_LONGEST_NAME = 80
_LONGEST_WAIT = timedelta(days=366)


class ExperimentRefused(Exception):
    """What was asked cannot be; `field` is the form's, the text a sentence."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Wish:
    """An experiment as an owner asks for it; `starts_at` None means now."""

    account_id: int
    name: str
    control: str
    treatment: str
    treatment_percent: int = 50
    points: int = 10
    starts_at: datetime | None = None
    stops_at: datetime | None = None  # None: when somebody stops it


@dataclass(frozen=True, slots=True)
class Dealt:
    """The strategy that a recovery takes as it begins, and why."""

    strategy: str
    version: str
    experiment_id: int | None = None
    arm: Arm | None = None


def deal(
    session: Session,
    account: StripeAccount,
    customer_id: str,
    *,
    declined_at: datetime,
    now: datetime,
) -> Dealt:
    """What a recovery that begins now takes: its experiment's arm, or the account's.

    A decline from before the experiment is left out of it: part of its window, and
    perhaps its payment, lie outside.
    """
    running = experiment_reads.live(session, account.id)
    if running is None or not _deals(running, declined_at, now):
        name = account.strategy
        version = version_in_force(session, name, account.strategy_version)
        return Dealt(name, version)
    arm = arm_of(
        customer_id, seed=running.seed, treatment_percent=running.treatment_percent
    )
    if arm is Arm.TREATMENT:
        taken = running.treatment, running.treatment_version
    else:
        taken = running.control, running.control_version
    return Dealt(*taken, experiment_id=running.id, arm=arm)


def _deals(running: Experiment, declined_at: datetime, now: datetime) -> bool:
    has_begun = running.starts_at <= min(declined_at, now)
    return has_begun and running.ended_at(max(declined_at, now)) is None


def keep_allocation(session: Session, recovery: Recovery, dealt: Dealt) -> None:
    """Write down which arm the recovery fell into, if any."""
    if dealt.experiment_id is not None:
        session.add(
            Allocation(
                recovery_id=recovery.id,
                experiment_id=dealt.experiment_id,
                arm=dealt.arm,
                window_ends_at=recovery.started_at + _WINDOW,
            )
        )


def start(wish: Wish, *, user_id: int, now: datetime) -> int:
    """The new experiment's id. Raises ExperimentRefused."""
    _refuse_nonsense(wish, now=now)
    try:
        with transaction() as session:
            account = _connected(session, wish.account_id)
            known = {choice.name for choice in choices(session)}
            for field in ("control", "treatment"):
                if getattr(wish, field) not in known:
                    raise ExperimentRefused(field, "Choose a strategy from the list.")
            _make_room(session, account.id, now=now)
            row = _row(session, wish, user_id=user_id, now=now)
            session.add(row)
            session.flush()
            _note(session, row, "experiment started", user_id=user_id, now=now)
            return row.id
    except IntegrityError:  # somebody else started one just now
        raise _one_at_a_time() from None


def _make_room(session: Session, account_id: int, *, now: datetime) -> None:
    """Write down the end of one that was to end by now; another one is refused."""
    live = experiment_reads.live(session, account_id)
    if live is None:
        return
    ended_at = live.ended_at(now)
    if ended_at is None:
        raise _one_at_a_time()
    live.stopped_at = ended_at
    session.flush()


def stop(experiment_id: int, *, user_id: int, now: datetime) -> None:
    """Deal no more. What has begun goes on as it began and is still counted."""
    with transaction() as session:
        row = _running(session, experiment_id, now=now)
        row.stopped_at = now
        _note(session, row, "experiment stopped", user_id=user_id, now=now)


def adopt(experiment_id: int, arm: Arm, *, user_id: int, now: datetime) -> str:
    """The arm's strategy becomes the account's, an own one in the version that was
    tested, and the experiment ends; what it is called."""
    with transaction() as session:
        row = session.get(Experiment, experiment_id, with_for_update=True)
        if row is None:
            raise ExperimentRefused("arm", "There is no such experiment.")
        account = _connected(session, row.account_id)
        name, version = tested(row, arm)
        if name not in {choice.name for choice in choices(session)}:
            raise ExperimentRefused("arm", f"{name} is retired: copy it first.")
        row.stopped_at = row.ended_at(now) or now
        row.adopted = arm
        account.strategy, account.strategy_version = name, version
        won = called(name, version)
        _note(session, row, "experiment adopted", user_id=user_id, now=now, extra=won)
        return won


def tested(row: Experiment, arm: Arm) -> tuple[str, str | None]:
    """The arm's strategy, and the version of an own one: what a built-in one did in an
    older version, this program cannot do."""
    if arm is Arm.TREATMENT:
        name, version = row.treatment, row.treatment_version
    else:
        name, version = row.control, row.control_version
    return name, None if name in ALL else version


def uses(session: Session, strategy: str, *, now: datetime) -> bool:
    """Whether an experiment that has not ended deals this strategy."""
    found = session.scalar(
        select(Experiment.id)
        .where(
            Experiment.stopped_at.is_(None),
            or_(Experiment.stops_at.is_(None), Experiment.stops_at > now),
            or_(Experiment.control == strategy, Experiment.treatment == strategy),
        )
        .limit(1)
    )
    return found is not None


def _refuse_nonsense(wish: Wish, *, now: datetime) -> None:
    if not wish.name or len(wish.name) > _LONGEST_NAME or not wish.name.isprintable():
        said = f"Give a name of at most {_LONGEST_NAME} letters."
        raise ExperimentRefused("name", said)
    if not LEAST_PERCENT <= wish.treatment_percent <= MOST_PERCENT:
        said = f"Give each arm at least {LEAST_PERCENT} of 100 customers."
        raise ExperimentRefused("share", said)
    if not 1 <= wish.points <= 30:
        raise ExperimentRefused("points", "Choose between 1 and 30 points.")
    if wish.starts_at is not None and wish.starts_at > now + _LONGEST_WAIT:
        raise ExperimentRefused("starts", "Choose a day within a year from now.")
    starts_at = max(now, wish.starts_at or now)
    if wish.stops_at is not None and wish.stops_at <= starts_at:
        raise ExperimentRefused("stops", "Choose a day after its start.")


def _row(session: Session, wish: Wish, *, user_id: int, now: datetime) -> Experiment:
    base = expected(session, wish.account_id, now=now).base
    return Experiment(
        account_id=wish.account_id,
        name=wish.name,
        control=wish.control,
        control_version=version_in_force(session, wish.control),
        treatment=wish.treatment,
        treatment_version=version_in_force(session, wish.treatment),
        treatment_percent=wish.treatment_percent,
        points=wish.points,
        planned=needed_on_any_day(wish.points / 100, base),
        seed=secrets.token_hex(8),
        created_at=now,
        created_by_id=user_id,
        starts_at=max(now, wish.starts_at or now),
        stops_at=wish.stops_at,
    )


def _connected(session: Session, account_id: int) -> StripeAccount:
    account = session.get(StripeAccount, account_id, with_for_update=True)
    if account is None or account.status is ConnectionStatus.DISCONNECTED:
        raise ExperimentRefused("account", "This account is not connected any more.")
    return account


def _running(session: Session, experiment_id: int, *, now: datetime) -> Experiment:
    row = session.get(Experiment, experiment_id, with_for_update=True)
    if row is None or row.ended_at(now) is not None:
        raise ExperimentRefused("experiment", "This experiment has ended already.")
    return row


def _one_at_a_time() -> ExperimentRefused:
    return ExperimentRefused(
        "account", "An experiment runs on this account: stop it before the next one."
    )


def _note(
    session: Session,
    row: Experiment,
    action: str,
    *,
    user_id: int,
    now: datetime,
    extra: str = "",
) -> None:
    detail = f"{row.name}: {extra or f'{row.control} against {row.treatment}'}"
    note(
        session,
        action,
        user_id=user_id,
        account_id=row.account_id,
        now=now,
        detail=detail,
    )
