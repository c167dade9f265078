"""The first import of an account: open renewals, then the declines of 90 days.

It goes in small steps that each leave the table true: after a crash the next step goes
on where the last one ended.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.account import ImportStage
from app.domain.errands import wait_after
from app.domain.standing import is_renewal
from app.services import set_aside
from app.services.connections import NO_ANSWER, gateway_of
from app.services.keeping import keep_charges
from app.storage import account_reads
from app.storage.connection_models import ImportItem, ImportRun
from app.storage.models import StripeAccount
from app.storage.transaction import reading, transaction
from app.stripe_gateway import Gateway

log = logging.getLogger(__name__)

DECLINES_OF = timedelta(days=90)
# Small enough to show progress. Calls follow each other one by one, which is pace
# enough: a read takes a tenth of a second or more, and Stripe allows 25 a second in a
# sandbox, 100 live (docs.stripe.com/rate-limits, 2026).
LOOKS_A_STEP = 5
ROUNDS = 50  # then other work has its turn; the next call goes on
# A step that takes longer than this has died with its process.
LEASE = timedelta(minutes=2)
LONGEST_WAIT = timedelta(hours=1)
SET_ASIDE = "set aside: Stripe does not show it"


@dataclass(frozen=True, slots=True)
class _Step:
    """The step that this process has taken on."""

    account_id: int
    stage: ImportStage
    cursor: str | None
    since: datetime


def begin(session: Session, account_id: int, *, now: datetime) -> None:
    """Have the account imported from the start, with the next tick."""
    session.execute(delete(ImportItem).where(ImportItem.account_id == account_id))
    set_aside.forget(session, account_id)
    run = session.scalar(select(ImportRun).where(ImportRun.account_id == account_id))
    if run is None:
        run = ImportRun(account_id=account_id)
        session.add(run)
    run.stage = ImportStage.LISTING
    run.cursor = run.trouble = run.finished_at = None
    run.declines = run.tries = 0
    run.started_at = run.try_at = run.declines_until = now
    run.declines_since = now - DECLINES_OF


def go_on(*, now: datetime) -> int:
    """As many steps as there are to make, within bounds; how many were made."""
    made = 0
    for _ in range(ROUNDS):
        steps = step(now=now)
        made += steps
        if steps == 0:
            break
    return made


def step(*, now: datetime) -> int:
    """One step of every import that is under way; how many steps were made."""
    with reading() as session:
        account_ids = account_reads.working_ids(session, now=now)
    return sum(_step(account_id, now=now) for account_id in account_ids)


def _step(account_id: int, *, now: datetime) -> bool:
    taken = _take(account_id, now=now)
    if taken is None:
        return False
    try:
        _STAGES[taken.stage](gateway_of(account_id), taken, now)
    except (*NO_ANSWER, IntegrityError) as trouble:
        log.info("the import of account %s waits: %s", account_id, trouble)
        _wait(account_id, now=now)
    return True


def _take(account_id: int, *, now: datetime) -> _Step | None:
    """The next step, unless another process is at it or it has to wait."""
    with transaction() as session:
        run = session.execute(
            update(ImportRun)
            .where(
                ImportRun.account_id == account_id,
                ImportRun.stage != ImportStage.DONE,
                ImportRun.try_at <= now,
            )
            .values(try_at=now + LEASE)
            .returning(ImportRun.stage, ImportRun.cursor, ImportRun.declines_since)
        ).first()
    return _Step(account_id, *run) if run else None


def _list(gateway: Gateway, taken: _Step, now: datetime) -> None:
    page = gateway.open_invoices(after=taken.cursor)
    with transaction() as session:
        account = session.get_one(StripeAccount, taken.account_id)
        wanted = {
            invoice.id
            for invoice in page
            if is_renewal(invoice, with_first_invoices=account.with_first_invoices)
        }
        known = session.scalars(
            select(ImportItem.stripe_invoice_id).where(
                ImportItem.account_id == account.id,
                ImportItem.stripe_invoice_id.in_(wanted),
            )
        )
        session.add_all(
            ImportItem(account_id=account.id, stripe_invoice_id=invoice_id)
            for invoice_id in sorted(wanted - set(known))
        )
        _turn(session, taken, page.next_after, then=ImportStage.LOOKING, now=now)


def _look(gateway: Gateway, taken: _Step, now: datetime) -> None:
    with reading() as session:
        wanted = session.scalars(
            select(ImportItem.stripe_invoice_id)
            .where(
                ImportItem.account_id == taken.account_id, ImportItem.done_at.is_(None)
            )
            .order_by(ImportItem.stripe_invoice_id)
            .limit(LOOKS_A_STEP)
        ).all()
    for invoice_id in wanted:
        is_read = set_aside.look(taken.account_id, invoice_id, now=now)
        with transaction() as session:
            item = session.get_one(ImportItem, (taken.account_id, invoice_id))
            item.done_at, item.note = now, None if is_read else SET_ASIDE
    with transaction() as session:
        run = _run(session, taken)
        if not wanted:
            run.stage = ImportStage.DECLINES
        _go_on(run, now=now)


def _read_declines(gateway: Gateway, taken: _Step, now: datetime) -> None:
    page = gateway.charges_since(taken.since, after=taken.cursor)
    with transaction() as session:
        keep_charges(session, taken.account_id, page)
        run = _turn(session, taken, page.next_after, then=ImportStage.DONE, now=now)
        run.declines += sum(charge.is_declined for charge in page)
        times = [charge.created for charge in page if charge.created]
        run.declines_until = min(times, default=run.declines_until)
        if run.stage is ImportStage.DONE:
            run.finished_at = now


_STAGES: dict[ImportStage, Callable[[Gateway, _Step, datetime], None]] = {
    ImportStage.LISTING: _list,
    ImportStage.LOOKING: _look,
    ImportStage.DECLINES: _read_declines,
}


def _turn(
    session: Session,
    taken: _Step,
    next_after: str | None,
    *,
    then: ImportStage,
    now: datetime,
) -> ImportRun:
    """To the next page, or to the stage after this one."""
    run = _run(session, taken)
    run.cursor = next_after
    if next_after is None:
        run.stage = then
    _go_on(run, now=now)
    return run


def _go_on(run: ImportRun, *, now: datetime) -> None:
    run.try_at = now
    run.tries = 0
    run.trouble = None


def _wait(account_id: int, *, now: datetime) -> None:
    with transaction() as session:
        run = session.scalars(
            select(ImportRun).where(ImportRun.account_id == account_id)
        ).one()
        run.tries += 1
        run.try_at = now + min(LONGEST_WAIT, wait_after(run.tries))
        run.trouble = "Stripe did not answer; the import goes on by itself."


def _run(session: Session, taken: _Step) -> ImportRun:
    return session.scalars(
        select(ImportRun).where(ImportRun.account_id == taken.account_id)
    ).one()
