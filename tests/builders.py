"""Rows for tests: defaults for everything, one override per point of the test.

Each builder commits one row (and, where none is named, the row it belongs to) and
returns it, detached. Kept sums are plain columns: say them where they matter.
"""

from datetime import timedelta
from itertools import count
from typing import Any, TypeVar

from sqlalchemy import select

from app.domain.account import ConnectionKind, ConnectionStatus
from app.domain.declines import DeclineKind, MadeBy
from app.domain.lifecycle import Lifecycle
from app.domain.people import Role
from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.storage.base import Base
from app.storage.models import (
    AuditEntry,
    Decline,
    Recovery,
    RetryAttempt,
    StripeAccount,
    Subscription,
    User,
)
from app.storage.transaction import reading, transaction
from tests.conftest import MONDAY

_numbers = count(1)
Row = TypeVar("Row", bound=Base)


def a_user(**over: Any) -> User:
    """A person with a role; the password hash fits no password."""
    n = next(_numbers)
    return _kept(
        User,
        {
            "email": f"user{n}@example.com",
            "password_hash": "x",
            "role": Role.OWNER,
            "created_at": MONDAY,
        },
        over,
    )


def a_account(**over: Any) -> StripeAccount:
    """A connected test-mode account, switched on."""
    n = next(_numbers)
    return _kept(
        StripeAccount,
        {
            "stripe_account_id": f"acct_{n}",
            "livemode": False,
            "kind": ConnectionKind.KEY,
            "name": "Tea & Sons",
            "country": "DE",
            "timezone": "Europe/Berlin",
            "connection_key": f"connection-key-{n}",
            "status": ConnectionStatus.CONNECTED,
            "switched_at": MONDAY,
            "connected_at": MONDAY,
        },
        over,
    )


def a_subscription(**over: Any) -> Subscription:
    """A monthly subscription past its first renewal, of the only account."""
    n = next(_numbers)
    return _kept(
        Subscription,
        {
            "account_id": over.get("account_id") or the_account().id,
            "stripe_subscription_id": f"sub_{n:06d}",
            "stripe_customer_id": f"cus_{n:06d}",
            "customer_name": f"Customer {n}",
            "customer_email": f"customer{n}@example.com",
            "customer_country": "DE",
            "status": "active",
            "lifecycle": Lifecycle.CONVERTED,
            "plan": "Basic",
            "interval": "month",
            "amount": 1900,
            "currency": "eur",
            "created_at": MONDAY - timedelta(days=90),
            "current_period_end": MONDAY + timedelta(days=28),
            "seen_at": MONDAY,
        },
        over,
    )


def a_recovery(**over: Any) -> Recovery:
    """An open recovery of a subscription's renewal, started on Monday."""
    n = next(_numbers)
    if "subscription_id" not in over:
        made = a_subscription(**_only(over, "account_id"))
        over = {**over, "subscription_id": made.id}
        over.setdefault("stripe_customer_id", made.stripe_customer_id)
        over.setdefault("account_id", made.account_id)
    return _kept(
        Recovery,
        {
            "account_id": over.get("account_id") or the_account().id,
            "stripe_invoice_id": f"in_{n:06d}",
            "stripe_customer_id": f"cus_{n:06d}",
            "amount": 1900,
            "currency": "eur",
            "status": RecoveryStatus.IN_RETRY,
            "status_reason": "The next retry is planned.",
            "strategy": "even-spread",
            "seed": n,
            "started_at": MONDAY,
            "deadline_at": MONDAY + timedelta(days=28),
            "charges": 1,
            "looked_at": MONDAY,
        },
        over,
    )


def a_decline(**over: Any) -> Decline:
    """A first charge refused for insufficient funds, on Monday."""
    n = next(_numbers)
    if "recovery_id" not in over:
        made = a_recovery(**_only(over, "account_id"))
        over = {**over, "recovery_id": made.id, "account_id": made.account_id}
        over.setdefault("stripe_customer_id", made.stripe_customer_id)
    return _kept(
        Decline,
        {
            "account_id": over.get("account_id") or the_account().id,
            "stripe_charge_id": f"ch_{n:06d}",
            "occurred_at": MONDAY,
            "amount": 1900,
            "currency": "eur",
            "decline_code": "insufficient_funds",
            "network_decline_code": "51",
            "outcome_type": "issuer_declined",
            "network_status": "declined_by_network",
            "kind": DeclineKind.SOFT,
            "brand": "visa",
            "network": "visa",
            "funding": "debit",
            "country": "DE",
            "fingerprint": f"print{n}",
            "last4": "4242",
            "made_by": MadeBy.FIRST,
        },
        over,
    )


def an_attempt(**over: Any) -> RetryAttempt:
    """A retry scheduled for three days after Monday."""
    n = next(_numbers)
    if "recovery_id" not in over:
        made = a_recovery(**_only(over, "account_id"))
        over = {**over, "recovery_id": made.id, "account_id": made.account_id}
    return _kept(
        RetryAttempt,
        {
            "account_id": over.get("account_id") or the_account().id,
            "number": 1,
            "status": AttemptStatus.SCHEDULED,
            "due_at": MONDAY + timedelta(days=3),
            "planned_at": MONDAY,
            "idempotency_key": f"retry-attempt-{n}",
            "strategy": "even-spread",
            "strategy_version": "1",
            "reason": "Three days later, at ten in the customer's morning.",
        },
        over,
    )


def an_audit_entry(**over: Any) -> AuditEntry:
    """Something that was done on Monday, by the engine."""
    return _kept(AuditEntry, {"at": MONDAY, "action": "recovery.stop"}, over)


def the_account() -> StripeAccount:
    """The oldest account; made when there is none."""
    with reading() as session:
        found = session.scalar(select(StripeAccount).order_by(StripeAccount.id))
    return found or a_account()


def _kept(table: type[Row], defaults: dict[str, Any], over: dict[str, Any]) -> Row:
    row = table(**{**defaults, **over})
    with transaction() as session:
        session.add(row)
    return row


def _only(over: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: over[name] for name in names if name in over}
