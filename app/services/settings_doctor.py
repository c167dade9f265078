"""The settings doctor at work: gathers evidence, and looks twice where it must."""

import logging
from datetime import datetime

from app.domain.settings_doctor import (
    SettingsWord,
    Verdict,
    verdict,
    wants_second_look,
)
from app.services import invoices
from app.services.connections import NO_ANSWER
from app.storage import account_reads
from app.storage.settings_evidence import invoices_seen, subscriptions_seen
from app.storage.transaction import reading

log = logging.getLogger(__name__)

# A few invoices settle the question; more would only cost reads.
SECOND_LOOKS = 3


def verdict_of(account_id: int, *, now: datetime) -> Verdict:
    """What the evidence says about this account's settings at Stripe."""
    with reading() as session:
        return verdict(
            invoices_seen(session, account_id, now=now),
            subscriptions_seen(session, account_id, now=now),
        )


def second_looks(*, now: datetime) -> int:
    """Read some invoices again that could settle an open question; how many."""
    with reading() as session:
        account_ids = account_reads.working_ids(session, now=now)
    return sum(look_twice(account_id, now=now) for account_id in account_ids)


def look_twice(account_id: int, *, now: datetime) -> int:
    """The same for one account, unless its settings are known to be right."""
    with reading() as session:
        seen = invoices_seen(session, account_id, now=now)
    if verdict(seen).word is SettingsWord.CONFIRMED:
        return 0
    wanted = [one.invoice_id for one in seen if wants_second_look(one, now=now)]
    return _look_at(account_id, wanted[:SECOND_LOOKS], now=now)


def check_again(account_id: int, *, now: datetime) -> Verdict:
    """The verdict after reading again what could settle or overturn it."""
    with reading() as session:
        seen = invoices_seen(session, account_id, now=now)
    wanted = [one.invoice_id for one in seen if wants_second_look(one, now=now)]
    proof = verdict(seen).retries
    if proof.word is SettingsWord.NOT_IN_FORCE and proof.object_id is not None:
        wanted.insert(0, proof.object_id)
    _look_at(account_id, wanted[:SECOND_LOOKS], now=now)
    return verdict_of(account_id, now=now)


def _look_at(account_id: int, invoice_ids: list[str], *, now: datetime) -> int:
    for invoice_id in invoice_ids:
        try:
            invoices.look(account_id, invoice_id, now=now)
        except NO_ANSWER as trouble:
            log.info("no second look at %s: %s", invoice_id, trouble)
    return len(invoice_ids)
