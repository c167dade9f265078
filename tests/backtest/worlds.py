"""Small worlds for the tests, each with one thing to show."""

import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
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


class Ends(World):
    """Raises what ends programs, or worse."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def attempt(self, case_id: str, at: datetime) -> dict[str, Any]:
        raise self.error


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Interrupted(World):
    """A person presses Ctrl-C while it thinks; it swallows what it is told to."""

    def __init__(self, *swallowed: type[BaseException]) -> None:
        super().__init__()
        self.swallowed = swallowed

    def attempt(self, case_id: str, at: datetime) -> dict[str, Any]:
        with suppress(*self.swallowed):
            signal.raise_signal(signal.SIGINT)
        return super().attempt(case_id, at)


class FailsWhenRead(dict[str, Any]):
    """An answer whose parts cannot be had."""

    def get(self, key: str, default: Any = None) -> Any:
        raise OSError("gone")


class AnswersBadly(World):
    def attempt(self, case_id: str, at: datetime) -> dict[str, Any]:
        return FailsWhenRead()


class NoZone(tzinfo):
    """A zone that does not know its own offset."""

    def utcoffset(self, at: datetime | None) -> timedelta | None:
        raise LookupError("no such zone")

    def dst(self, at: datetime | None) -> timedelta | None:
        return None

    def tzname(self, at: datetime | None) -> str | None:
        return None


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
