"""Rows against the sandbox's ledger: what was lost, doubled, or is stuck."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text

from app.domain.account import EventStatus
from app.domain.declines import MadeBy
from app.domain.recovery import OPEN, AttemptStatus, RecoveryStatus
from app.extensions import db
from app.storage.models import (
    Decline,
    Payment,
    Recovery,
    RetryAttempt,
    StripeEvent,
    Subscription,
)
from app.storage.transaction import reading

Obj = dict[str, Any]
EXPECTED = {
    True: AttemptStatus.SUCCEEDED,
    False: AttemptStatus.DECLINED,
    None: AttemptStatus.PROCESSING,
}


def faults(ledger: list[Obj], deliveries: list[Obj], *, now: datetime) -> Iterator[str]:
    """Everything that does not fit, a sentence each. Nothing may be under way."""
    renewals = [e for e in ledger if e["billing_reason"] == "subscription_cycle"]
    yield from _doubled(ledger)
    yield from _attempts(ledger)
    yield from _declines(renewals)
    yield from _payments(renewals)
    yield from _stuck(now=now)
    yield from _events(deliveries)
    yield from _sums()
    yield from _database()


def ours(ledger: list[Obj]) -> list[Obj]:
    """The charges that the product made."""
    return [e for e in ledger if (e["idempotency_key"] or "").startswith("metricsco-")]


def _doubled(ledger: list[Obj]) -> Iterator[str]:
    keys = Counter(entry["idempotency_key"] for entry in ours(ledger))
    for key, times in keys.items():
        if times > 1:
            yield f"{key} was charged {times} times"
    paid: set[str] = set()
    for entry in ledger:
        if entry["invoice"] in paid:
            yield f"{entry['invoice']} was charged after it was paid"
        if entry["ok"]:
            paid.add(entry["invoice"])


def _attempts(ledger: list[Obj]) -> Iterator[str]:
    """Every charge of ours is an attempt, and every attempt made is a charge."""
    charged = {entry["idempotency_key"]: entry for entry in ours(ledger)}
    with reading() as session:
        rows = session.scalars(select(RetryAttempt)).all()
    attempts = {row.idempotency_key: row for row in rows}
    if len(attempts) != len(rows):
        yield "two attempts share a key"
    for key, entry in charged.items():
        found = attempts.get(key)
        status = found.status if found else None
        if status is not EXPECTED[entry["ok"]]:
            yield f"{key} was charged ({entry['ok']}), its attempt is {status}"
        elif found and found.stripe_charge_id not in (None, entry["charge"]):
            yield f"{key} made {entry['charge']}, recorded {found.stripe_charge_id}"
    for key, attempt in attempts.items():
        was_made = attempt.status in (AttemptStatus.SUCCEEDED, AttemptStatus.DECLINED)
        if was_made and key not in charged:
            yield f"{key} is {attempt.status} and was never charged"


def _declines(renewals: list[Obj]) -> Iterator[str]:
    refused = {e["charge"]: e for e in renewals if e["ok"] is False}
    with reading() as session:
        rows = session.scalars(select(Decline)).all()
        invoices = set(session.scalars(select(Recovery.stripe_invoice_id)))
    kept = Counter(row.stripe_charge_id for row in rows)
    for charge in refused.keys() - kept.keys():
        yield f"the decline {charge} is lost"
    for row in rows:
        if row.stripe_charge_id not in refused:
            yield f"the decline {row.stripe_charge_id} never happened"
        elif row.recovery_id is None:
            yield f"the decline {row.stripe_charge_id} belongs to no recovery"
    for charge, times in kept.items():
        if times > 1:
            yield f"the decline {charge} was kept {times} times"
    for invoice in {e["invoice"] for e in refused.values()} - invoices:
        yield f"{invoice} was declined and has no recovery"
    by_us = {e["charge"] for e in ours(list(refused.values()))}
    said = {row.stripe_charge_id for row in rows if row.made_by is MadeBy.METRICSCO}
    for charge in by_us ^ said:
        yield f"{charge}: who made it is told wrong"


def _payments(renewals: list[Obj]) -> Iterator[str]:
    won = {e["charge"]: e for e in ours(renewals) if e["ok"]}
    with reading() as session:
        kept = set(session.scalars(select(Payment.stripe_charge_id)))
        rows = session.scalars(select(Recovery)).all()
    for charge in won.keys() - kept:
        yield f"the payment {charge} is lost"
    amount_of = {e["invoice"]: e["amount"] for e in won.values()}
    for row in rows:
        if row.recovered_amount != amount_of.get(row.stripe_invoice_id, 0):
            yield f"{row.stripe_invoice_id} recovered {row.recovered_amount}"
        is_won = row.status is RecoveryStatus.RECOVERED
        if is_won != (row.stripe_invoice_id in amount_of):
            yield f"{row.stripe_invoice_id} is {row.status}"


def _stuck(*, now: datetime) -> Iterator[str]:
    with reading() as session:
        attempts = session.scalars(select(RetryAttempt)).all()
        recoveries = session.scalars(select(Recovery)).all()
        pending = session.scalar(
            select(func.count()).where(StripeEvent.status == EventStatus.PENDING)
        )
    if pending:
        yield f"{pending} events were not handled"
    planned = {a.recovery_id for a in attempts if a.status is AttemptStatus.SCHEDULED}
    for attempt in attempts:
        if attempt.status in (AttemptStatus.RUNNING, AttemptStatus.UNKNOWN):
            yield f"{attempt.idempotency_key} is still {attempt.status}"
        if attempt.status is AttemptStatus.SCHEDULED and attempt.due_at < now:
            yield f"{attempt.idempotency_key} was due at {attempt.due_at}"
    for recovery in recoveries:
        name = recovery.stripe_invoice_id
        if recovery.look_again:
            yield f"{name} waits for a look"
        if recovery.status in OPEN and recovery.deadline_at < now:
            yield f"{name} is open past its deadline"
        is_planned = recovery.id in planned
        if is_planned != (recovery.status is RecoveryStatus.IN_RETRY):
            yield f"{name} is {recovery.status}, planned: {is_planned}"
        if recovery.status not in OPEN and recovery.ended_at is None:
            yield f"{name} ended at no time"


def _events(deliveries: list[Obj]) -> Iterator[str]:
    answered = {d["event"] for d in deliveries if d["status"] == "delivered"}
    with reading() as session:
        stored = Counter(session.scalars(select(StripeEvent.stripe_event_id)))
    for event in answered - stored.keys():
        yield f"{event} was answered 2xx and is not stored"
    for event, times in stored.items():
        if times > 1:
            yield f"{event} is stored {times} times"


def _sums() -> Iterator[str]:
    """Kept sums beside a count of the rows."""
    with reading() as session:
        recoveries = session.scalars(select(Recovery)).all()
        subscriptions = session.scalars(select(Subscription)).all()
        made = Counter(
            session.scalars(
                select(RetryAttempt.recovery_id).where(
                    RetryAttempt.status.in_(
                        (AttemptStatus.SUCCEEDED, AttemptStatus.DECLINED)
                    )
                )
            )
        )
        declines = Counter(session.scalars(select(Decline.recovery_id)))
    of_subscription: dict[int | None, Counter[str]] = defaultdict(Counter)
    for recovery in recoveries:
        name = recovery.stripe_invoice_id
        if recovery.retries != made[recovery.id]:
            yield f"{name} counts {recovery.retries} retries, not {made[recovery.id]}"
        least = declines[recovery.id] + (recovery.status is RecoveryStatus.RECOVERED)
        if recovery.charges < least:
            yield f"{name} counts {recovery.charges} charges, of {least}"
        kept = of_subscription[recovery.subscription_id]
        kept["declines"] += declines[recovery.id]
        kept["attempts"] += made[recovery.id]
        kept["recovered_amount"] += recovery.recovered_amount
    for row in subscriptions:
        counted = of_subscription[row.id]
        for sum_ in ("declines", "attempts", "recovered_amount"):
            if getattr(row, sum_) != counted[sum_]:
                yield (
                    f"{row.stripe_subscription_id}: {sum_} is {getattr(row, sum_)}, "
                    f"not {counted[sum_]}"
                )


def _database() -> Iterator[str]:
    engine = db.engine
    if engine.dialect.name != "sqlite":
        return
    with engine.connect() as connection:
        for check in ("integrity_check", "foreign_key_check"):
            found = connection.execute(text(f"PRAGMA {check}")).all()
            if [row[0] for row in found] not in ([], ["ok"]):
                yield f"{check}: {found[:3]}"
