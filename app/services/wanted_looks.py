"""Looks at Stripe that are due: news that had to wait, and news that never came."""

import logging
import time
from datetime import datetime

from app.services import invoices
from app.services.connections import NotConnected
from app.storage.transaction import reading
from app.storage.wanted import wanted_looks
from app.stripe_gateway import StripeTrouble
from app.vault import SecretUnreadable

log = logging.getLogger(__name__)

AT_ONCE = 100
RUN_FOR = 10.0  # seconds; the next tick goes on


def grant(*, now: datetime) -> int:
    """Look at the invoices that want a look; how many could be looked at.

    Where Stripe gives no answer the wish stays in the row, and the account's other
    wishes wait for the next time too.
    """
    with reading() as session:
        wanted = wanted_looks(session, now=now, limit=AT_ONCE)
    stop_at, looked, troubled = time.monotonic() + RUN_FOR, 0, set[int]()
    for one in wanted:
        if one.account_id in troubled or time.monotonic() > stop_at:
            continue
        try:
            invoices.look(
                one.account_id, one.stripe_invoice_id, now=now, with_card=True
            )
            looked += 1
        except (StripeTrouble, NotConnected, SecretUnreadable) as trouble:
            log.warning("could not look at %s: %s", one.stripe_invoice_id, trouble)
            troubled.add(one.account_id)
        except Exception:
            log.exception("looking at %s failed", one.stripe_invoice_id)
    return looked
