"""Values with sane defaults for the domain's tests; override what the test is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.cases import Card, CardAttempt, Case, Customer
from app.domain.decision import decide
from app.domain.declines import Codes, Decline
from app.domain.money import Money
from app.domain.steps import RetryAt, Step, Strategy

MONDAY = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def days(number: float) -> timedelta:
    return timedelta(days=number)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def a_decline(code: str | None = "insufficient_funds", **over: Any) -> Decline:
    occurred_at = over.pop("occurred_at", MONDAY)
    return Decline(occurred_at, Codes(decline_code=code, **over))


def a_case(code: str | None = "insufficient_funds", **over: Any) -> Case:
    """A Visa renewal of 20 dollars, declined on Monday noon, with 28 days to go."""
    fields: dict[str, Any] = {
        "invoice_id": "in_1",
        "amount": Money(2000, "usd"),
        "declines": (a_decline(code),),
        "deadline_at": MONDAY + days(28),
        "customer": Customer("cus_1", timezone="America/New_York"),
        "card": Card(brand="visa", country="US", fingerprint="fp_1"),
    }
    return Case(**{**fields, **over})


def refused_again(case: Case, at: datetime, codes: Codes | None = None) -> Case:
    """The case after our retry at `at` was refused, by default with the same codes."""
    decline = Decline(at, codes or case.last_decline.codes)
    return replace(
        case,
        declines=(*case.declines, decline),
        charges=case.charges + 1,
        retries=case.retries + 1,
    )


def some_attempts(times: int, *, at: datetime, **over: Any) -> tuple[CardAttempt, ...]:
    """So many refused charges, a minute apart, the last one at `at`."""
    minute = timedelta(minutes=1)
    fields = {"amount": 2000, "currency": "usd", **over}
    return tuple(
        CardAttempt(at - (times - 1 - i) * minute, **fields) for i in range(times)
    )


def all_steps(strategy: Strategy, case: Case, *, now: datetime) -> list[Step]:
    """What is decided when each retry is made on time and refused, to the end."""
    steps: list[Step] = []
    while True:
        step = decide(strategy, case, now=now)
        steps.append(step)
        if not isinstance(step, RetryAt):
            return steps
        now = step.at
        case = refused_again(case, now)
