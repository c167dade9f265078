"""The retry engine: claim -> charge -> record.

The dispatching thread owns the database; the pool's threads only talk to Stripe. What
is claimed starts at once, for no more is claimed than there are free threads.
"""

import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

from sqlalchemy import select

from app.services import invoices
from app.services.charging import charge
from app.services.connections import NotConnected, gateway_of
from app.services.outcomes import Outcome, PutBack, record
from app.services.troubles import note_trouble
from app.storage.claims import Claim, chargeable_accounts, claim_due
from app.storage.models import Recovery, StripeAccount
from app.storage.transaction import reading, transaction
from app.stripe_gateway import Gateway, StripeTrouble
from app.vault import SecretUnreadable

log = logging.getLogger(__name__)

# A charge waits about 0.3 s for Stripe, up to three times: 96 threads make a hundred
# charges a second, and a tick ends soon enough to leave the clock fresh.
THREADS = 96
RUN_FOR = 20.0  # seconds of claiming; the next tick goes on
# Two calls of 80 s at most and slow threads; and never so long that a day is lost.
STUCK_AFTER = timedelta(minutes=15)

Running = dict[Future[Outcome], Claim]

# Claims of this process that are under way, whatever their age by a movable clock.
in_flight: set[int] = set()


def run_due(*, now: datetime, threads: int = THREADS) -> int:
    """Charge everything that is due, each attempt once; how many were recorded."""
    run = _Run(now, threads)
    try:
        return run.drain()
    finally:
        run.pool.shutdown()


class _Run:
    """One tick of charging: what is under way, and who may still be charged."""

    def __init__(self, now: datetime, threads: int) -> None:
        self.now = now
        self.threads = threads
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="charge")
        self.running: Running = {}
        self.gateways: dict[int, Gateway] = {}
        self.chargeable: frozenset[int] = frozenset()
        self.recorded = 0

    def drain(self) -> int:
        stop_claiming_at = time.monotonic() + RUN_FOR
        while True:
            self._see_who_may_be_charged()
            if time.monotonic() < stop_claiming_at:
                self._claim_and_start()
            if not self.running:
                return self.recorded
            # A quarter of a second is how long a switch may stay unseen.
            done, _ = wait(self.running, timeout=0.25, return_when=FIRST_COMPLETED)
            self._record([(self.running.pop(f), f.result()) for f in done])

    def _see_who_may_be_charged(self) -> None:
        with reading() as session:
            self.chargeable = frozenset(chargeable_accounts(session, now=self.now))

    def _claim_and_start(self) -> None:
        """Fill the free threads, each account with its share at most."""
        share = self.threads // max(1, len(self.chargeable))
        for account_id in sorted(self.chargeable):
            free = self.threads - len(self.running)
            mine = sum(c.account_id == account_id for c in self.running.values())
            room = min(free, max(1, share) - mine)
            # Claims cost a commit each: not for every single thread that gets free.
            if room < min(8, self.threads) and self.running:
                continue
            gateway = self._gateway(account_id)
            if gateway is not None and room > 0:
                self._start(gateway, _claim(account_id, now=self.now, limit=room))

    def _gateway(self, account_id: int) -> Gateway | None:
        if account_id not in self.gateways:
            try:
                self.gateways[account_id] = gateway_of(account_id)
            except (NotConnected, SecretUnreadable) as fault:
                note_trouble(account_id, f"{fault}.", now=self.now)
                return None
        return self.gateways[account_id]

    def _start(self, gateway: Gateway, claims: list[Claim]) -> None:
        for claim in claims:
            in_flight.add(claim.attempt_id)
            future = self.pool.submit(self._charge, gateway, claim)
            self.running[future] = claim

    def _charge(self, gateway: Gateway, claim: Claim) -> Outcome:
        return charge(
            gateway,
            claim,
            may_still=lambda: claim.account_id in self.chargeable,
            now=self.now,
        )

    def _record(self, finished: list[tuple[Claim, Outcome]]) -> None:
        record_all(finished, now=self.now)
        self.recorded += len(finished)


def record_all(finished: list[tuple[Claim, Outcome]], *, now: datetime) -> None:
    """Record the outcomes in one transaction, or each in its own if one is at fault."""
    if not finished:
        return
    try:
        _record_together(finished, now=now)
    except Exception:
        log.exception("recording %s outcomes together failed", len(finished))
        for one in finished:
            _record_alone(one, now=now)
    for claim, outcome in finished:
        in_flight.discard(claim.attempt_id)
        if isinstance(outcome, PutBack) and outcome.owner_must:
            note_trouble(claim.account_id, outcome.owner_must, now=now)
    look_where_wanted([claim.recovery_id for claim, _ in finished], now=now)


def _claim(account_id: int, *, now: datetime, limit: int) -> list[Claim]:
    with transaction() as session:
        return claim_due(session, account_id=account_id, now=now, limit=limit)


def _record_together(finished: list[tuple[Claim, Outcome]], *, now: datetime) -> None:
    with transaction() as session:
        for claim, outcome in finished:
            record(session, claim, outcome, now=now)
            if isinstance(outcome, PutBack) and outcome.holds_account:
                account = session.get_one(StripeAccount, claim.account_id)
                account.hold_until = outcome.due_at


def _record_alone(one: tuple[Claim, Outcome], *, now: datetime) -> None:
    """An attempt that cannot be recorded stays running: rescuing asks about it."""
    try:
        _record_together([one], now=now)
    except Exception:
        log.exception("the outcome of attempt %s was not recorded", one[0].attempt_id)


def look_where_wanted(recovery_ids: list[int], *, now: datetime) -> None:
    """Look again at those whose news had to wait for a charge under way."""
    with reading() as session:
        wanted = session.execute(
            select(Recovery.account_id, Recovery.stripe_invoice_id).where(
                Recovery.id.in_(recovery_ids), Recovery.look_again
            )
        ).all()
    for account_id, stripe_invoice_id in wanted:
        try:
            invoices.look(account_id, stripe_invoice_id, now=now)
        except (StripeTrouble, NotConnected) as trouble:
            # The wish stays in the row; the sweep grants it.
            log.warning("could not look at %s: %s", stripe_invoice_id, trouble)
