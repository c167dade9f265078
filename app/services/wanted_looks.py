"""Looks at Stripe that are due: news that had to wait, and news that never came."""

import logging
import time
from datetime import datetime, timedelta

from flask import current_app

from app.services import set_aside
from app.services.connections import NotConnected
from app.storage.event_queue import hold
from app.storage.transaction import reading, transaction
from app.storage.wanted import wanted_looks
from app.stripe_gateway import StripeTrouble
from app.vault import SecretUnreadable

log = logging.getLogger(__name__)

AT_ONCE = 100
RUN_FOR = 10.0  # seconds; the next tick goes on
# After a look that failed its account is left alone for a moment, so that others have
# their turn, and the invoice for longer, so that it does not stand before the others.
ACCOUNT_WAITS = timedelta(seconds=30)
INVOICE_WAITS = timedelta(minutes=5)


def grant(*, now: datetime) -> int:
    """Look at the invoices that want a look; how many could be looked at.

    Where Stripe gives no answer the wish stays in the row, and the account's other
    wishes wait for the next time too.
    """
    waits: dict[str, datetime] = current_app.extensions.setdefault(
        "metricsco.looks_put_off", {}
    )
    for invoice_id in [id for id, until in waits.items() if until <= now]:
        del waits[invoice_id]
    with reading() as session:
        found = wanted_looks(session, now=now, limit=AT_ONCE + len(waits))
    wanted = [one for one in found if one.stripe_invoice_id not in waits]
    stop_at, looked, troubled = time.monotonic() + RUN_FOR, 0, set[int]()
    for one in wanted:
        if one.account_id in troubled or time.monotonic() > stop_at:
            continue
        try:
            is_read = set_aside.look(
                one.account_id, one.stripe_invoice_id, now=now, with_card=True
            )
            looked += is_read
            if not is_read:
                waits[one.stripe_invoice_id] = now + INVOICE_WAITS
        except (StripeTrouble, NotConnected, SecretUnreadable) as trouble:
            log.warning("could not look at %s: %s", one.stripe_invoice_id, trouble)
            troubled.add(one.account_id)
            waits[one.stripe_invoice_id] = now + INVOICE_WAITS
            with transaction() as session:
                hold(session, one.account_id, until=now + ACCOUNT_WAITS)
        except Exception:
            log.exception("looking at %s failed", one.stripe_invoice_id)
            waits[one.stripe_invoice_id] = now + INVOICE_WAITS
    return looked
