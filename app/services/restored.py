"""A database that was put back from a copy: nothing is charged on its word alone.

Charges made since the copy was taken are missing in it. Stripe has them: before the
first charge, every open invoice is looked at again, and Stripe's open invoices and
events are compared with ours. What came due meanwhile is planned anew.
"""

import logging
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from flask import Flask, current_app
from sqlalchemy import ColumnElement, case, exists, select, update
from sqlalchemy.orm import Session

from app import current
from app.domain.account import ConnectionStatus
from app.domain.recovery import IN_FLIGHT
from app.services import reconciler, set_aside, sightings
from app.services.audit import note
from app.services.connections import NO_ANSWER
from app.services.sightings import Sighting
from app.storage import account_reads
from app.storage.connection_models import UnreadInvoice
from app.storage.installation import THE_ROW, Installation, installation
from app.storage.models import (
    OPEN_WORDS,
    UNFINISHED_WORDS,
    Recovery,
    RetryAttempt,
    StripeAccount,
)
from app.storage.spelled import is_one_of
from app.storage.transaction import reading, transaction

log = logging.getLogger(__name__)

# A look is some three reads of 0.1 s; Stripe takes 25 a second at one address.
THREADS = 4
AT_ONCE = 40
RUN_FOR = 20.0  # seconds of looking in one go; the next tick goes on
# A retry made so much later than planned is another retry: it is planned anew.
LONG_AWAY = timedelta(hours=6)
FOUND = (
    "The database was put back from a copy. Nothing is charged before Stripe was asked "
    "about every open invoice."
)
DONE = "Every open invoice was looked at again since the database was put back."
NEW = "new"  # the identity of a database that nobody has worked on


def beat(*, now: datetime) -> bool:
    """Leave a sign of life in the database and beside it. True when the database
    turned out to have been put back; then all accounts are marked, in the same
    transaction."""
    seen = sightings.last()
    with transaction() as session:
        row = installation(session)
        is_back = row is None or _is_older(row, seen)
        if row is None:
            row = Installation(id=THE_ROW, identity=NEW, beat=0)
            session.add(row)
        if _was_away(row, now=now):
            _plan_anew(session, now=now)
        if is_back:
            row.restored_at = now
            mark(session, now=now)
        if row.identity == NEW or is_back:
            # A life of its own: what another copy does is not held against this one.
            row.identity = secrets.token_hex(16)
        row.beat += 1
        row.beaten_at = now
        now_seen = Sighting(row.identity, row.beat)
    sightings.keep(now_seen)
    if is_back:
        log.warning(FOUND)
    return is_back


def _was_away(row: Installation, *, now: datetime) -> bool:
    """Whether nobody worked on this database for hours. In a sandbox hours pass in
    seconds, and mean nothing."""
    is_real = current.clock().is_real
    return bool(is_real and row.beaten_at and now - row.beaten_at > LONG_AWAY)


def _plan_anew(session: Session, *, now: datetime) -> None:
    """What came due while nobody worked is planned anew: fired all at once it would
    come at hours that nobody chose."""
    session.execute(
        update(StripeAccount)
        .where(StripeAccount.is_on, StripeAccount.status == ConnectionStatus.CONNECTED)
        .values(charges_from=now)
    )


def _is_older(row: Installation, seen: Sighting | None) -> bool:
    return seen is not None and seen.identity == row.identity and seen.beat > row.beat


def mark(session: Session, *, now: datetime) -> None:
    """No account is charged before Stripe was asked about all that is open."""
    too_new = StripeAccount.reconciled_at > now - reconciler.EVERY
    session.execute(
        update(StripeAccount).values(
            restored_at=now,
            # Its turn to be compared is now.
            reconciled_at=case(
                (too_new, now - reconciler.EVERY), else_=StripeAccount.reconciled_at
            ),
        )
    )
    for account_id in session.scalars(select(StripeAccount.id)):
        note(
            session,
            "account.put_back",
            detail=FOUND,
            account_id=account_id,
            user_id=None,
            now=now,
        )


def look_again(*, now: datetime) -> int:
    """Look at what is open in the accounts that were put back; how many looks.

    An account is charged again when nothing of it is left to be looked at.
    """
    with reading() as session:
        working = account_reads.working_ids(session, now=now)
        marked = session.scalars(
            select(StripeAccount.id).where(
                StripeAccount.restored_at.is_not(None), StripeAccount.id.in_(working)
            )
        ).all()
    return sum(_look_again(account_id, now=now) for account_id in marked)


def _look_again(account_id: int, *, now: datetime) -> int:
    reconciler.compare(account_id, now=now)
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    stop_at, looked = time.monotonic() + RUN_FOR, 0
    with ThreadPoolExecutor(THREADS, "restored") as pool:
        while time.monotonic() < stop_at:
            left = _left(account_id)
            if not left:
                _lift(account_id, now=now)
                break
            answers = pool.map(lambda id: _look(app, account_id, id, now=now), left)
            answered = sum(answers)
            looked += answered
            if answered < len(left):
                break  # Stripe gives no answer: later
    return looked


def _left(account_id: int) -> list[str]:
    """Invoices that were not looked at since. Those with a charge under way wait for
    its answer, which is asked for elsewhere."""
    with reading() as session:
        return list(
            session.scalars(
                select(Recovery.stripe_invoice_id)
                .join(StripeAccount, StripeAccount.id == Recovery.account_id)
                .where(_is_unseen(), StripeAccount.id == account_id, ~_is_in_flight())
                .order_by(Recovery.looked_at, Recovery.id)
                .limit(AT_ONCE)
            )
        )


def _is_unseen() -> ColumnElement[bool]:
    is_set_aside = exists().where(
        UnreadInvoice.account_id == Recovery.account_id,
        UnreadInvoice.stripe_invoice_id == Recovery.stripe_invoice_id,
    )
    return (
        is_one_of(Recovery.status, OPEN_WORDS)
        & (Recovery.looked_at < StripeAccount.restored_at)
        & ~is_set_aside
    )


def _is_in_flight() -> ColumnElement[bool]:
    return exists().where(
        RetryAttempt.recovery_id == Recovery.id,
        RetryAttempt.status.in_(sorted(IN_FLIGHT)),
    )


def _look(app: Flask, account_id: int, invoice_id: str, *, now: datetime) -> bool:
    try:
        with app.app_context():
            # One that is set aside is charged only after it was read all the same.
            set_aside.look(account_id, invoice_id, now=now, with_card=True)
    except NO_ANSWER as trouble:
        log.warning("%s could not be looked at again: %s", invoice_id, trouble)
        return False
    except Exception:
        log.exception("looking at %s again failed", invoice_id)
        return False
    return True


def _lift(account_id: int, *, now: datetime) -> None:
    """Charge the account again, if all was looked at; what came due is planned anew."""
    unseen = exists().where(Recovery.account_id == StripeAccount.id, _is_unseen())
    unanswered = exists().where(
        RetryAttempt.account_id == StripeAccount.id,
        is_one_of(RetryAttempt.status, UNFINISHED_WORDS),  # by their index
        RetryAttempt.status.in_(sorted(IN_FLIGHT)),
        RetryAttempt.started_at < StripeAccount.restored_at,
    )
    with transaction() as session:
        lifted = session.execute(
            update(StripeAccount)
            .where(
                StripeAccount.id == account_id,
                StripeAccount.reconciled_at >= StripeAccount.restored_at,
                ~unseen,
                ~unanswered,
            )
            .values(restored_at=None, charges_from=now)
            .returning(StripeAccount.id)
            .execution_options(synchronize_session=False)
        ).first()
        if lifted is not None:
            note(
                session,
                "account.looked_at_again",
                detail=DONE,
                account_id=account_id,
                user_id=None,
                now=now,
            )
