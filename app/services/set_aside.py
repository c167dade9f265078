"""Invoices that Stripe does not show, although it answers everything else: each is set
aside with its error, so that the others go on, and asked for less and less often."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.domain.errands import wait_after
from app.domain.recovery import AttemptStatus
from app.services import invoices
from app.services.connections import NO_ANSWER, gateway_of
from app.services.following import recovery_of
from app.services.one_object import is_alone, sentence_of
from app.storage import account_reads
from app.storage.claims import live_attempt
from app.storage.connection_models import UnreadInvoice
from app.storage.models import Recovery
from app.storage.transaction import reading, transaction
from app.stripe_gateway import StripeTrouble

log = logging.getLogger(__name__)

AT_ONCE = 20  # asked for again in one go
# Its retry is not made before it was asked for once more.
CHARGED_AFTER = timedelta(minutes=1)


def look(
    account_id: int, stripe_invoice_id: str, *, now: datetime, with_card: bool = False
) -> bool:
    """Look at the invoice; False where it is set aside, now, or before and not due.

    Raises `NO_ANSWER` where Stripe does not answer its account at all.
    """
    with reading() as session:
        row = session.get(UnreadInvoice, (account_id, stripe_invoice_id))
        if row is not None and row.try_at > now:
            return False
    return _look(account_id, stripe_invoice_id, now=now, with_card=with_card)


def look_again(*, now: datetime) -> int:
    """Ask once more for what was set aside and is due; how many were read."""
    with reading() as session:
        due = session.execute(
            select(UnreadInvoice.account_id, UnreadInvoice.stripe_invoice_id)
            .where(
                UnreadInvoice.try_at <= now,
                UnreadInvoice.account_id.in_(
                    account_reads.working_ids(session, now=now)
                ),
            )
            .order_by(UnreadInvoice.try_at)
            .limit(AT_ONCE)
        ).all()
    read, silent = 0, set[int]()
    for account_id, invoice_id in due:
        if account_id in silent:
            continue
        try:
            read += _look(account_id, invoice_id, now=now, with_card=True)
        except NO_ANSWER as trouble:
            log.info("account %s gives no answer: %s", account_id, trouble)
            silent.add(account_id)
    return read


def forget(session: Session, account_id: int) -> None:
    """Begin anew with all invoices of the account."""
    session.execute(delete(UnreadInvoice).where(UnreadInvoice.account_id == account_id))


def of_account(session: Session, account_id: int, *, limit: int) -> list[UnreadInvoice]:
    """What is set aside of the account, the longest first."""
    return list(
        session.scalars(
            select(UnreadInvoice)
            .where(UnreadInvoice.account_id == account_id)
            .order_by(UnreadInvoice.since, UnreadInvoice.stripe_invoice_id)
            .limit(limit)
        )
    )


def count(session: Session, account_id: int) -> int:
    """How many are set aside of the account."""
    counted = select(func.count()).where(UnreadInvoice.account_id == account_id)
    return session.scalar(counted) or 0


def _look(
    account_id: int, stripe_invoice_id: str, *, now: datetime, with_card: bool
) -> bool:
    try:
        invoices.look(account_id, stripe_invoice_id, now=now, with_card=with_card)
    except StripeTrouble as trouble:
        if not is_alone(gateway_of(account_id), trouble):
            raise
        log.warning("%s is set aside: %s", stripe_invoice_id, trouble)
        _put(account_id, stripe_invoice_id, trouble, now=now)
        return False
    except (*NO_ANSWER, SQLAlchemyError):
        raise
    except Exception as fault:
        # One strange invoice must not keep the others out; it is named and logged.
        log.exception("%s is set aside", stripe_invoice_id)
        _put(account_id, stripe_invoice_id, fault, now=now)
        return False
    return True


def _put(
    account_id: int, stripe_invoice_id: str, fault: Exception, *, now: datetime
) -> None:
    with transaction() as session:
        # Before the row, as in every look: two that meet here wait in one order.
        recovery = recovery_of(session, stripe_invoice_id)
        row = session.get(UnreadInvoice, (account_id, stripe_invoice_id))
        if row is None:
            row = UnreadInvoice(
                account_id=account_id,
                stripe_invoice_id=stripe_invoice_id,
                since=now,
                tries=0,
            )
            session.add(row)
        row.tries += 1
        row.try_at = now + wait_after(row.tries)
        row.fault = sentence_of(fault)
        if recovery is not None and recovery.account_id == account_id:
            _put_off_retry(session, recovery, row.try_at + CHARGED_AFTER)


def _put_off_retry(session: Session, recovery: Recovery, until: datetime) -> None:
    """No charge is tried on it before: it would be read first, in vain."""
    attempt = live_attempt(session, recovery.id)
    if attempt is None or attempt.status is not AttemptStatus.SCHEDULED:
        return
    if attempt.due_at >= until:
        return
    attempt.due_at = until
    attempt.outcome = "Put off: Stripe does not show the invoice at the moment."
    if recovery.subscription is not None:
        recovery.subscription.next_retry_at = until
