"""The retry engine: claim -> charge -> record.

The dispatching thread owns the rows; the pool's threads talk to Stripe, and ask the
rows one question: may this still be charged? What is claimed starts at once, for no
more is claimed than there are free threads.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

from flask import Flask, current_app

from app.domain.charge_outcomes import Outcome, PutBack, Unanswered
from app.services import card_caps, sweeping
from app.services.charging import charge
from app.services.connections import NotConnected, gateway_of, sealed_key_of
from app.services.deliveries import reception
from app.services.governor import governor
from app.services.outcomes import record
from app.services.pace import GivingWay, Pace
from app.services.troubles import note_trouble
from app.storage.alone import Alone, Work
from app.storage.claims import Claim, chargeable_accounts, claim_due, may_be_charged
from app.storage.models import StripeAccount
from app.storage.transaction import reading, transaction
from app.stripe_gateway import Gateway
from app.vault import SecretUnreadable

log = logging.getLogger(__name__)

# A charge waits about 0.3 s for Stripe, three times, and a tenth to be written.
THREADS = 160
# Charges of all accounts that may begin in a second. What they compute is two thirds of
# what one process can; webhooks and pages have the rest. While webhooks have to wait it
# is less, but never less than the second number.
TOGETHER, AT_LEAST = 125.0, 30.0
# Seconds of one run; the clock and the keys of the accounts are read anew for the next,
# which follows at once where more is due.
RUN_FOR = 20.0
# Seconds for what is under way then. What takes longer, one account's Stripe that does
# not answer, is left to the next tick: the others' retries shall not wait for it.
WAIT_FOR_THE_LAST = 10.0
# Of the threads, one account has this part at most: where Stripe does not answer it,
# the others' retries are on time.
PART_OF_ONE_ACCOUNT = 3
# How long finished charges may wait to be written together, in seconds: a commit each
# would keep the one writer of SQLite from the webhooks.
GATHER = 0.1
# Charges written in one transaction, in which declined ones are planned anew, at some
# 3 ms each: webhooks may have to wait for it.
AT_ONCE = 5
# Two calls of 80 s at most and slow threads; and never so long that a day is lost.
STUCK_AFTER = timedelta(minutes=15)

Finished = tuple[Claim, Outcome]

# Set while the process ends: what is under way is finished, nothing more is begun.
closing = threading.Event()
# Claims of this process that are under way, whatever their age by a movable clock.
in_flight: set[int] = set()
# Charges that began together ask together whether they still may: a connection opened
# for each of them would cost ten times the question.
_asking = threading.BoundedSemaphore(2)


def run_due(
    *, now: datetime, threads: int = THREADS, per_second: float | None = None
) -> int:
    """Charge everything that is due, each attempt once; how many were recorded.

    `per_second`: how many charges of one account may begin in a second, where it shall
    not be what the governor says.
    """
    turn, recorded, began = Alone(Work.CHARGING), 0, time.monotonic()
    try:
        # Another process may be at it, at the pace that Stripe allows.
        while turn.take():
            at = now + timedelta(seconds=time.monotonic() - began)
            sweeping.replan_missed(now=at)
            run = _Run(at, threads, per_second)
            try:
                run.drain()
            finally:
                run.end()
            recorded += run.recorded
            if not run.hands_on:
                break
    finally:
        turn.let_go()
    return recorded


def finish(*, now: datetime) -> None:
    """Wait for the calls that outlasted their tick, and record them: the process is
    about to end."""
    run = _Run(now, 1, 1.0)
    wait(run.running)
    run.end()


class _Run:
    """Some seconds of charging: what is under way, and who may still be charged."""

    def __init__(self, now: datetime, threads: int, per_second: float | None) -> None:
        self.now = now
        self.threads = threads
        self.per_second = per_second
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="charge")
        self.is_late = False
        # Whether more is due than could be begun: what is under way is left to the run
        # that follows at once, so that charging does not ebb between them.
        self.hands_on = False
        self.begun: Counter[int] = Counter()  # by account
        self.gateways: dict[int, Gateway] = {}
        self.sealed_keys: dict[int, str | None] = {}  # what those were made with
        self.paces: dict[int, Pace] = {}
        self.recorded = 0
        self.app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        # As slow or fast as the run before ended.
        self.together: GivingWay = self.app.extensions.setdefault(
            "metricsco.charging_pace", GivingWay(TOGETHER, least=AT_LEAST)
        )
        # What the run before had to leave.
        self.left: dict[Future[Outcome], Claim] = self.app.extensions.setdefault(
            "metricsco.left_charging", {}
        )
        self.running: dict[Future[Outcome], Claim] = dict(self.left)

    def drain(self) -> None:
        """Claim, start and record until nothing is due or the time is up."""
        stop_claiming_at = time.monotonic() + RUN_FOR
        waits = False
        while not self.is_late:
            may_claim = time.monotonic() < stop_claiming_at and not closing.is_set()
            if waits and not may_claim and self.recorded and not closing.is_set():
                self.hands_on = True
                return
            waits = self._claim_and_start() if may_claim else False
            if self.running and not waits:
                wait(self.running, timeout=0.25, return_when=FIRST_COMPLETED)
            if self.running or waits:
                time.sleep(GATHER)
            else:
                return
            self._record_finished()
            is_over = time.monotonic() > stop_claiming_at + WAIT_FOR_THE_LAST
            self.is_late = is_over and not closing.is_set()

    def end(self) -> None:
        """Wait for what is under way, unless it is left to another run, and write it
        down, whatever happened before."""
        is_left = self.is_late or self.hands_on
        self.pool.shutdown(wait=not is_left)
        if not is_left:
            wait(self.running)
        self._record_finished()
        self.left.clear()
        self.left.update(self.running)

    def _claim_and_start(self) -> bool:
        """Fill the free threads, each account with its share; True while more waits."""
        with reading() as session:
            accounts = chargeable_accounts(session, now=self.now)
        room = self._room(accounts)
        wanted = {id: many for id, many in room.items() if many and self._gateway(id)}
        claims = _claim(wanted, now=self.now)
        self._start(self._inside_caps(claims))
        claimed = Counter(claim.account_id for claim in claims)
        return any(
            claimed[id] == many for id, many in room.items() if id in wanted or not many
        )

    def _room(self, accounts: Sequence[int]) -> dict[int, int]:
        """How many more of each account may be charged now, by threads and by pace."""
        parts = max(PART_OF_ONE_ACCOUNT, len(accounts))
        share = max(1, self.threads // parts)
        running = Counter(claim.account_id for claim in self.running.values())
        at = time.monotonic()
        self.together.heed(reception().inbox.longest_wait(), at=at)
        free = min(self.threads - len(self.running), self.together.room(at=at))
        room = {}
        # Who had least so far comes first: the last in the list shall not be the last
        # in line.
        for id in sorted(accounts, key=lambda id: self.begun[id]):
            most = min(free, share - running[id], self._pace(id).room(at=at))
            room[id] = max(0, most)
            free -= room[id]
        return room

    def _pace(self, account_id: int) -> Pace:
        if account_id not in self.paces:
            per_second = self.per_second
            if per_second is None:
                with reading() as session:
                    livemode = session.get_one(StripeAccount, account_id).livemode
                per_second = governor().charges_a_second(livemode=livemode)
            self.paces[account_id] = Pace(per_second)
        return self.paces[account_id]

    def _inside_caps(self, claims: list[Claim]) -> list[Claim]:
        """The claims that may be charged; the others are put back at once."""
        running = list(self.running.values())
        held = card_caps.hold_back(claims, running, now=self.now)
        record_all(held, now=self.now)
        held_back = {claim.attempt_id for claim, _ in held}
        return [claim for claim in claims if claim.attempt_id not in held_back]

    def _gateway(self, account_id: int) -> Gateway | None:
        if account_id not in self.gateways:
            try:
                self.sealed_keys[account_id] = sealed_key_of(account_id)
                self.gateways[account_id] = gateway_of(account_id)
            except (NotConnected, SecretUnreadable) as fault:
                note_trouble(account_id, f"{fault}.", now=self.now)
                return None
        return self.gateways[account_id]

    def _start(self, claims: list[Claim]) -> None:
        for place, claim in enumerate(claims):
            in_flight.add(claim.attempt_id)
            self.paces[claim.account_id].begin(1)
            self.together.begin(1)
            self.begun[claim.account_id] += 1
            gateway = self.gateways[claim.account_id]
            later = GATHER * place / len(claims)
            charging = self.pool.submit(self._charge, gateway, claim, later=later)
            self.running[charging] = claim

    def _charge(self, gateway: Gateway, claim: Claim, *, later: float) -> Outcome:
        # What begins together comes back together, and the writer waits for it all.
        time.sleep(later)
        try:
            return charge(
                gateway, claim, may_still=lambda: self._may_still(claim), now=self.now
            )
        except Exception:
            log.exception("charging for attempt %s failed", claim.attempt_id)
            return Unanswered("Something failed while charging; Stripe will be asked.")

    def _may_still(self, claim: Claim) -> bool:
        with self.app.app_context(), _asking, reading() as session:
            return may_be_charged(session, claim)

    def _record_finished(self) -> None:
        done = [future for future in self.running if future.done()]
        finished = [(self.running.pop(future), future.result()) for future in done]
        for start in range(0, len(finished), AT_ONCE):
            some = finished[start : start + AT_ONCE]
            record_all(some, now=self.now, sealed_keys=self.sealed_keys)
        for claim, outcome in finished:
            if isinstance(outcome, PutBack) and outcome.owner_must:
                # Unless the account is in trouble now, its key was replaced meanwhile.
                self.gateways.pop(claim.account_id, None)
        self.recorded += len(finished)


def record_all(
    finished: Sequence[Finished],
    *,
    now: datetime,
    sealed_keys: Mapping[int, str | None] | None = None,
) -> None:
    """Record the outcomes in one transaction, or each in its own if one is at fault.

    An attempt that cannot be recorded stays running: rescuing asks about it.
    `sealed_keys`: with which key each account was asked.
    """
    if not finished:
        return
    try:
        _record(finished, now=now)
    except Exception:
        log.exception("recording %s outcomes together failed", len(finished))
        for one in finished:
            try:
                _record([one], now=now)
            except Exception:
                log.exception("attempt %s was not recorded", one[0].attempt_id)
    in_flight.difference_update(claim.attempt_id for claim, _ in finished)
    for claim, outcome in finished:
        if isinstance(outcome, PutBack) and outcome.owner_must:
            id = claim.account_id
            sealed_key = (sealed_keys or {}).get(id)
            note_trouble(id, outcome.owner_must, now=now, sealed_key=sealed_key)


def _claim(wanted: dict[int, int], *, now: datetime) -> list[Claim]:
    """Take up to so many attempts of each account, in one transaction."""
    if not wanted:
        return []
    with transaction() as session:
        return [
            claim
            for id, many in wanted.items()
            for claim in claim_due(session, account_id=id, now=now, limit=many)
        ]


def _record(finished: Sequence[Finished], *, now: datetime) -> None:
    with transaction() as session:
        record(session, finished, now=now)
        for claim, outcome in finished:
            if isinstance(outcome, PutBack) and outcome.hold_until:
                account = session.get_one(StripeAccount, claim.account_id)
                account.hold_until = outcome.hold_until
