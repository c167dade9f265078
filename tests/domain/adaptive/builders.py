"""Cases and models for the tests of the adaptive strategy."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.cases import Card, Case, Customer
from app.domain.declines import Codes, Decline
from app.domain.money import Money
from app.domain.strategies.adaptive import Model

MONDAY = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def refusal(
    days: float = 0.0, code: str = "insufficient_funds", **over: Any
) -> Decline:
    """A refusal so many days after Monday."""
    return Decline(MONDAY + timedelta(days=days), Codes(code, **over))


def a_case(**over: Any) -> Case:
    """A case first declined on Monday for want of money."""
    declines = over.pop("declines", (refusal(),))
    fields: dict[str, Any] = {
        "invoice_id": "in_1",
        "amount": Money(2900, "usd"),
        "declines": declines,
        "deadline_at": MONDAY + timedelta(days=28),
        "customer": Customer("cus_1", "US", "America/New_York"),
        "card": Card("visa", "visa", "debit", "US", "fp_1"),
        "charges": len(declines),
        "retries": len(declines) - 1,
        "seed": 7,
    }
    return Case(**(fields | over))


def a_free_model() -> Model:
    """The shipped prior, as if it had proven itself."""
    return replace(Model.fresh(), closed=800, skill=0.3, timing=1.0)
