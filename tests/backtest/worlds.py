"""Small worlds for the tests, each with one thing to show."""

import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

MONDAY = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def a_case(number: int = 0, **over: Any) -> dict[str, Any]:
    """A case with the fields that must be there, and no other."""
    return {
        "case_id": f"case-{number}",
        "customer_id": f"cus_{number}",
        "invoice_id": f"in_{number}",
        "amount": 1000 * (number + 1),
        "currency": "usd",
        "declined_at": MONDAY + timedelta(hours=number),
        "deadline_at": MONDAY + timedelta(days=28, hours=number),
        "decline_code": "insufficient_funds",
    } | over


class World:
    """Approves from `opens` days after Monday on; remembers what it was asked."""

    def __init__(self, *cases: dict[str, Any], opens: float = 5.0) -> None:
        self.cases = list(cases)
        self.opens = MONDAY + timedelta(days=opens)
        self.asked: list[tuple[str, datetime]] = []

    def declines(self, n: int) -> list[dict[str, Any]]:
        return self.cases or [a_case(number) for number in range(n)]

    def attempt(self, case_id: str, at: datetime) -> dict[str, Any]:
        self.asked.append((case_id, at))
        if at >= self.opens:
            return {"outcome": "succeeded"}
        return {"outcome": "declined", "decline_code": "insufficient_funds"}


def opens_on_day_five() -> World:
    return World()


class Prints(World):
    def attempt(self, case_id: str, at: datetime) -> dict[str, Any]:
        sys.stdout.write("a case is asked\n")
        return super().attempt(case_id, at)


def prints() -> World:
    return Prints()


class Raises(World):
    def attempt(self, case_id: str, at: datetime) -> dict[str, Any]:
        raise ZeroDivisionError("no such bank")


class Leaves(World):
    def attempt(self, case_id: str, at: datetime) -> dict[str, Any]:
        raise SystemExit(0)


class Hangs(World):
    """Also swallows what it can, as a careless world may."""

    def attempt(self, case_id: str, at: datetime) -> dict[str, Any]:
        while True:
            try:
                time.sleep(60)
            except Exception:  # noqa: S112
                continue


class TalksNonsense(World):
    def attempt(self, case_id: str, at: datetime) -> dict[str, Any]:
        return {"outcome": "perhaps"}


def cannot_be_made() -> World:
    raise RuntimeError("out of cards")
