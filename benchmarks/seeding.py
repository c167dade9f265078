"""Fills a migrated, empty database with subscriptions, five declines each.

    DATABASE_URL=... flask --app app db upgrade
    DATABASE_URL=... python -m benchmarks.seeding 100000

On PostgreSQL the role must be a superuser: foreign keys rest meanwhile. The same number
gives the same rows, up to the moment they are dated back from.
"""

import random
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, literal, select

from app import create_app, current
from app.domain.account import ConnectionKind, ConnectionStatus
from app.domain.classify import classify
from app.domain.declines import Codes, MadeBy
from app.domain.lifecycle import Lifecycle
from app.domain.recovery import AttemptStatus, ClosedAs, RecoveryStatus
from app.storage.base import Base
from app.storage.models import (
    Decline,
    Recovery,
    RetryAttempt,
    StripeAccount,
    Subscription,
)
from app.storage.transaction import transaction
from benchmarks.bulk import without_upkeep

BATCH = 5_000
DECLINES = 5
FIRST = (
    "Anna",
    "Ben",
    "Chloé",
    "Dmitri",
    "Élodie",
    "Fatima",
    "Goran",
    "Hana",
    "Ivan",
    "Jürgen",
    "Kemal",
    "Liv",
    "Maria",
    "Noor",
    "Omar",
    "Paula",
    "Quentin",
    "Rosa",
    "Søren",
    "Tara",
    "Uwe",
    "Valérie",
    "Wei",
    "Ximena",
    "Yusuf",
    "Zoë",
    "伟",
)
LAST = (
    "Adams",
    "Bauer",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "García",
    "Horvat",
    "Ito",
    "Jansen",
    "Kowalski",
    "Lopez",
    "Müller",
    "Novak",
    "Okafor",
    "Petrov",
    "Quinn",
    "Rossi",
    "Smith",
    "Tanaka",
    "Ueda",
    "Vogel",
    "Weber",
    "Xu",
    "Zhou",
)
DOMAINS = ("gmail.com", "outlook.com", "example.com", "gmx.de", "tea.example")
PLANS = (("Basic", 900), ("Plus", 1900), ("Team", 4900), ("Gold", 12900))
CODES = (
    ("insufficient_funds", "51", 46),
    ("do_not_honor", "05", 18),
    ("generic_decline", "05", 14),
    ("expired_card", "54", 7),
    ("authentication_required", "1A", 5),
    ("try_again_later", "91", 4),
    ("lost_card", "41", 2),
    ("stolen_card", "43", 2),
    ("fraudulent", "59", 2),
)
# How a recovery stands, and what that makes of its subscription.
ENDS = (
    (RecoveryStatus.RECOVERED, Lifecycle.ACTIVATED, "active", 55),
    (RecoveryStatus.IN_RETRY, Lifecycle.IN_RETRY, "past_due", 10),
    (RecoveryStatus.WAITING_FOR_CUSTOMER, Lifecycle.IN_RETRY, "past_due", 1),
    (RecoveryStatus.TERMINATED, Lifecycle.TERMINATED, "past_due", 22),
    (RecoveryStatus.CLOSED, Lifecycle.CANCELLED, "canceled", 12),
)
REASONS = {
    RecoveryStatus.RECOVERED: "Paid by our retry.",
    RecoveryStatus.IN_RETRY: "The balance is likely to be back after payday.",
    RecoveryStatus.WAITING_FOR_CUSTOMER: "The bank wants the customer to confirm.",
    RecoveryStatus.TERMINATED: "Eight retries were declined; the window is over.",
    RecoveryStatus.CLOSED: "The subscription was canceled at Stripe.",
}

ORIGINALS = 20_000


def _moved(column: Any, times: int = 1) -> Callable[[int], Any]:
    return lambda offset: column + offset * times


def _renamed(column: Any) -> Callable[[int], Any]:
    return lambda offset: column + literal(f"_{offset}")


_COPIED: dict[type[Base], dict[str, Callable[[int], Any]]] = {
    Subscription: {
        "id": _moved(Subscription.id),
        "stripe_subscription_id": _renamed(Subscription.stripe_subscription_id),
        "stripe_customer_id": _renamed(Subscription.stripe_customer_id),
        "customer_email": _renamed(Subscription.customer_email),
    },
    Recovery: {
        "id": _moved(Recovery.id),
        "subscription_id": _moved(Recovery.subscription_id),
        "stripe_invoice_id": _renamed(Recovery.stripe_invoice_id),
        "stripe_customer_id": _renamed(Recovery.stripe_customer_id),
    },
    RetryAttempt: {
        "id": _moved(RetryAttempt.id),
        "recovery_id": _moved(RetryAttempt.recovery_id),
        "idempotency_key": _renamed(RetryAttempt.idempotency_key),
    },
    Decline: {
        "id": _moved(Decline.id, DECLINES),
        "recovery_id": _moved(Decline.recovery_id),
        "stripe_charge_id": _renamed(Decline.stripe_charge_id),
        "stripe_customer_id": _renamed(Decline.stripe_customer_id),
        "fingerprint": _renamed(Decline.fingerprint),
    },
}


def _original(table: type[Base]) -> Any:
    """The number of the subscription that a row of `table` belongs to."""
    return Decline.recovery_id if table is Decline else table.__table__.columns["id"]


Rows = dict[type[Base], list[dict[str, Any]]]


def seed(subscriptions: int, *, now: datetime) -> None:
    """Write them, in batches of their own transactions; needs an app context.

    Beyond the first `ORIGINALS` they are copies, made by the database: new ids and
    addresses, the same story.
    """
    with without_upkeep([table.__tablename__ for table in _COPIED]):
        _write(subscriptions, now=now)


def _write(subscriptions: int, *, now: datetime) -> None:
    _write_originals(min(subscriptions, ORIGINALS), now=now)
    for offset in range(ORIGINALS, subscriptions, ORIGINALS):
        with transaction() as session:
            for table, changed in _COPIED.items():
                columns = [column.name for column in table.__table__.columns]
                copied = select(
                    *(
                        changed[name](offset) if name in changed else column
                        for name, column in table.__table__.columns.items()
                    )
                ).where(_original(table) <= min(ORIGINALS, subscriptions - offset))
                session.execute(insert(table).from_select(columns, copied))


def _write_originals(subscriptions: int, *, now: datetime) -> None:
    account_id = _account(now)
    dice = random.Random(7)
    for first in range(1, subscriptions + 1, BATCH):
        rows: Rows = {
            table: [] for table in (Subscription, Recovery, RetryAttempt, Decline)
        }
        for n in range(first, min(first + BATCH, subscriptions + 1)):
            _one(rows, n, account_id, dice, now=now)
        with transaction() as session:
            for table, batch in rows.items():
                session.execute(insert(table), batch)


def _account(now: datetime) -> int:
    with transaction() as session:
        account = StripeAccount(
            stripe_account_id="acct_seeded",
            livemode=False,
            kind=ConnectionKind.KEY,
            name="Seeded Tea & Sons",
            connection_key="seeded",
            status=ConnectionStatus.CONNECTED,
            switched_at=now,
            connected_at=now - timedelta(days=700),
            last_event_at=now,
        )
        session.add(account)
        session.flush()
        return account.id


def _one(
    rows: Rows, n: int, account_id: int, dice: random.Random, *, now: datetime
) -> None:
    status, lifecycle, at_stripe, _ = dice.choices(ENDS, [end[3] for end in ENDS])[0]
    is_open = status in (RecoveryStatus.IN_RETRY, RecoveryStatus.WAITING_FOR_CUSTOMER)
    age = dice.uniform(1, 25) if is_open else dice.uniform(30, 600)
    started = now - timedelta(days=age)
    plan, amount = dice.choice(PLANS)
    currency = dice.choices(("eur", "usd", "jpy"), (70, 25, 5))[0]
    money = {"account_id": account_id, "currency": currency, "amount": amount}
    recovered = amount if status is RecoveryStatus.RECOVERED else 0
    due = now + timedelta(hours=dice.uniform(1, 200))
    is_planned = status is RecoveryStatus.IN_RETRY
    tried = min(started + timedelta(days=20), now)
    name, last = dice.choice(FIRST), dice.choice(LAST)
    rows[Subscription].append(
        money
        | {
            "id": n,
            "stripe_subscription_id": f"sub_{n:012d}",
            "stripe_customer_id": f"cus_{n:012d}",
            "customer_name": f"{name} {last}",
            "customer_email": f"{name}.{last}{n}@{dice.choice(DOMAINS)}".lower(),
            "status": at_stripe,
            "lifecycle": lifecycle,
            "plan": plan,
            "interval": "month",
            "created_at": started - timedelta(days=dice.uniform(30, 700)),
            "seen_at": now,
            "declines": DECLINES,
            "attempts": 1,
            "next_retry_at": due if is_planned else None,
            "recovered_amount": recovered,
        }
    )
    rows[Recovery].append(
        money
        | {
            "id": n,
            "subscription_id": n,
            "stripe_invoice_id": f"in_{n:012d}",
            "stripe_customer_id": f"cus_{n:012d}",
            "status": status,
            "status_reason": REASONS[status],
            "closed_as": ClosedAs.CANCELED if status is RecoveryStatus.CLOSED else None,
            "strategy": "even-spread",
            "seed": n,
            "started_at": started,
            "deadline_at": started + timedelta(days=28),
            "ended_at": None if is_open else started + timedelta(days=20),
            "recovered_amount": recovered,
            "charges": DECLINES + bool(recovered),
            "retries": DECLINES - 1 + bool(recovered),
            "looked_at": now,
            "card_trap": is_open and dice.random() < 0.02,
        }
    )
    rows[RetryAttempt].append(
        {
            "id": n,
            "account_id": account_id,
            "recovery_id": n,
            "number": DECLINES,
            "planned_at": started,
            "due_at": due if is_planned else tried,
            "started_at": None if is_planned else tried,
            "finished_at": None if is_planned else tried,
            "idempotency_key": f"seeded-{n}",
            "strategy": "even-spread",
            "strategy_version": "1",
            "reason": "Spread over the window, at ten in the customer's morning.",
            "probability": round(dice.uniform(0.1, 0.6), 2),
            "status": _attempt_status(is_planned, recovered),
        }
    )
    days_apart = min(4.0, age / DECLINES)
    declines = list(_declines(n, money, dice, started, days_apart))
    rows[Decline].extend(declines)
    rows[Subscription][-1] |= {
        "last_declined_at": declines[-1]["occurred_at"],
        "last_decline_code": declines[-1]["decline_code"],
    }


def _attempt_status(is_planned: bool, recovered: int) -> AttemptStatus:
    if is_planned:
        return AttemptStatus.SCHEDULED
    return AttemptStatus.SUCCEEDED if recovered else AttemptStatus.DECLINED


def _declines(
    n: int,
    money: dict[str, Any],
    dice: random.Random,
    started: datetime,
    days_apart: float,
) -> Iterator[dict[str, Any]]:
    code, network, _ = dice.choices(CODES, [code[2] for code in CODES])[0]
    kind = classify(Codes(decline_code=code, network_decline_code=network))
    brand = dice.choices(("visa", "mastercard", "amex"), (60, 35, 5))[0]
    for each in range(DECLINES):
        yield money | {
            "id": (n - 1) * DECLINES + each + 1,
            "recovery_id": n,
            "stripe_charge_id": f"ch_{n:012d}{each}",
            "stripe_customer_id": f"cus_{n:012d}",
            "occurred_at": started + timedelta(days=days_apart * each),
            "decline_code": code,
            "network_decline_code": network,
            "outcome_type": "issuer_declined",
            "network_status": "declined_by_network",
            "kind": kind,
            "brand": brand,
            "network": brand,
            "funding": dice.choice(("debit", "credit", "prepaid")),
            "country": dice.choice(("DE", "US", "FR", "JP")),
            "fingerprint": f"print{n:012d}",
            "last4": f"{n % 10_000:04d}",
            "made_by": MadeBy.METRICSCO if each else MadeBy.FIRST,
        }


if __name__ == "__main__":
    app = create_app()
    with app.app_context():
        seed(int(sys.argv[1]), now=current.now().astimezone(UTC))
