"""Staying in step without luck: what Stripe lists is compared with what we know.

Needs no event to have arrived. Lists cost one read for a hundred invoices; only what
differs is looked at. Calls follow each other one by one, which is pace enough: a read
takes a tenth of a second or more, and Stripe allows 25 to 100 a second.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select, update

from app.domain.comparison import Known, difference
from app.domain.recovery import OPEN
from app.domain.snapshots import InvoiceSnapshot
from app.services import missed_events, set_aside
from app.services.audit import note
from app.services.connections import NO_ANSWER, gateway_of
from app.services.missed_events import EVENTS_KEPT, ON_THE_WAY
from app.storage import account_reads
from app.storage.models import Recovery, StripeAccount, StripeEvent
from app.storage.transaction import reading, transaction
from app.stripe_gateway import Gateway

log = logging.getLogger(__name__)

# A lost event costs at most this long. Four passes a day over 1,000 open invoices and
# 1,000 new events are 2,400 reads a month, of the 10,000 that Stripe always allows.
EVERY = timedelta(hours=6)
# A pass that was cut off, by a crash or by Stripe, is begun again after this.
AGAIN_AFTER = timedelta(minutes=10)
MOST_LOOKS = 500  # in one pass; the next one goes on
NAMED = 10  # repairs that are told one by one; the rest are counted


@dataclass(slots=True)
class _Pass:
    """One comparison of one account with Stripe."""

    account_id: int
    began_at: datetime
    since: datetime
    with_first_invoices: bool
    seen: set[str] = field(default_factory=set)
    repaired: list[str] = field(default_factory=list)
    looks: int = 0


def reconcile(*, now: datetime) -> int:
    """Compare every account whose turn it is; how many were compared to the end."""
    with reading() as session:
        account_ids = account_reads.working_ids(session, now=now)
    return sum(compare(account_id, now=now) for account_id in account_ids)


def compare(account_id: int, *, now: datetime) -> bool:
    """Compare one account if its turn has come; whether it was compared to the end."""
    work = _take(account_id, now=now)
    if work is None:
        return False
    try:
        gateway = gateway_of(account_id)
        _compare_open(gateway, work)
        _compare_vanished(work)
        # Last, so that what is fetched now does not pass for what had told us.
        fetched = missed_events.fetch(
            gateway, account_id, since=work.since, now=work.began_at
        )
    except NO_ANSWER as trouble:
        log.info("the comparison of account %s was cut off: %s", account_id, trouble)
        return False
    _finish(work, fetched=fetched)
    return True


def _take(account_id: int, *, now: datetime) -> _Pass | None:
    """Begin a pass unless it is too early, or the import is still under way."""
    with transaction() as session:
        run = account_reads.import_run(session, account_id)
        if run is not None and run.finished_at is None:
            return None
        account = session.get_one(StripeAccount, account_id)
        since = account.reconciled_at or now - EVENTS_KEPT
        taken = session.execute(
            update(StripeAccount)
            .where(
                StripeAccount.id == account_id,
                or_(
                    StripeAccount.reconciled_at.is_(None),
                    StripeAccount.reconciled_at <= now - EVERY,
                ),
            )
            .values(reconciled_at=now - EVERY + AGAIN_AFTER)
            .returning(StripeAccount.id)
        ).first()
    if taken is None:
        return None
    return _Pass(
        account_id=account_id,
        began_at=now,
        since=max(since - EVERY, now - EVENTS_KEPT),
        with_first_invoices=account.with_first_invoices,
    )


def _compare_open(gateway: Gateway, work: _Pass) -> None:
    after = None
    while True:
        page = gateway.open_invoices(after=after)
        for invoice, what in _differing(work, page):
            _repair(work, invoice.id, what)
        work.seen.update(invoice.id for invoice in page)
        after = page.next_after
        if after is None:
            return


def _differing(
    work: _Pass, page: Iterable[InvoiceSnapshot]
) -> Iterator[tuple[InvoiceSnapshot, str]]:
    shown = {invoice.id: invoice for invoice in page}
    known = _known(shown)
    for invoice in shown.values():
        what = difference(
            invoice,
            known.get(invoice.id),
            with_first_invoices=work.with_first_invoices,
        )
        if what is not None:
            yield invoice, what


def _compare_vanished(work: _Pass) -> None:
    """Recoveries that we hold open although Stripe lists their invoice no more."""
    with reading() as session:
        rows = session.scalars(
            select(Recovery.stripe_invoice_id)
            .where(
                Recovery.account_id == work.account_id,
                Recovery.status.in_(OPEN),
                Recovery.looked_at < work.began_at,
            )
            .order_by(Recovery.looked_at)
        ).all()
    for invoice_id in rows:
        if invoice_id not in work.seen:
            _repair(work, invoice_id, "is not open at Stripe any more")


def _repair(work: _Pass, invoice_id: str, what: str) -> None:
    if work.looks >= MOST_LOOKS:
        return
    work.looks += 1
    is_on_the_way = _was_told(work, invoice_id)
    before = _known([invoice_id])
    if not set_aside.look(work.account_id, invoice_id, now=work.began_at):
        return
    # Our own charge may have been under way: then the look has put nothing right.
    if not is_on_the_way and _known([invoice_id]) != before:
        work.repaired.append(f"{invoice_id} {what}, and no event had told us.")


def _known(invoice_ids: Iterable[str]) -> dict[str, Known]:
    with reading() as session:
        rows = session.scalars(
            select(Recovery).where(Recovery.stripe_invoice_id.in_(list(invoice_ids)))
        )
        return {
            row.stripe_invoice_id: Known(
                row.status, row.amount, row.stripe_retries_at, row.closed_as
            )
            for row in rows
        }


def _was_told(work: _Pass, invoice_id: str) -> bool:
    with reading() as session:
        found = session.scalar(
            select(
                exists().where(
                    StripeEvent.account_id == work.account_id,
                    StripeEvent.object_id == invoice_id,
                    StripeEvent.received_at > work.began_at - ON_THE_WAY,
                )
            )
        )
    return bool(found)


def _finish(work: _Pass, *, fetched: int) -> None:
    told = work.repaired[:NAMED]
    if len(work.repaired) > NAMED:
        told.append(f"{len(work.repaired) - NAMED} more invoices were put right.")
    if fetched:
        told.append(
            f"Fetched from Stripe because they had not arrived: {fetched} events."
        )
    with transaction() as session:
        account = session.get_one(StripeAccount, work.account_id)
        account.reconciled_at = work.began_at
        for detail in told:
            note(
                session,
                "account.repaired",
                detail=detail,
                account_id=work.account_id,
                user_id=None,
                now=work.began_at,
            )
