"""Own strategies: a merchant's rules, line by line, as a value. No code of theirs runs.

The first line that fits the newest decline decides. What no line fits is handled as
the even spread would. `own_rules` says which lines the networks' rules forbid.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.cases import Case
from app.domain.declines import DeclineKind
from app.domain.limits import Bound, first_allowed, retries_left
from app.domain.local_time import at_local, in_words, local_day, zone_of
from app.domain.network_rules import MAX_RETRIES, explain_decline
from app.domain.steps import AskCustomer, GiveUp, RetryAt, Step
from app.domain.strategies.even_spread import EvenSpread, steady_share
from app.domain.window import WINDOW_DAYS

_DAY = timedelta(days=1)
# The merchant names the hour; the minutes keep their retries from falling together.
_JITTER = timedelta(minutes=15)
# A try must have started, not only be due, before the window closes.
_BEFORE_END = timedelta(minutes=30)


class Then(StrEnum):
    """What a line does."""

    SPREAD = "spread"  # retries spread evenly over the window
    DELAYS = "delays"  # retries at fixed times after the first decline
    ASK = "ask"  # ask the customer at once
    GIVE_UP = "give_up"


class After(StrEnum):
    """What follows when a line's retries are used up."""

    ASK = "ask"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class Line:
    """When a decline fits, and what is done then. What is left empty fits anything.

    Amounts are in minor units of `currency`; `delays` count from the first decline;
    `hours` are on the customer's clock, 9.5 is half past nine.
    """

    kinds: tuple[DeclineKind, ...] = ()
    codes: tuple[str, ...] = ()
    funding: str | None = None
    plan: str | None = None
    currency: str | None = None
    amount_from: int | None = None
    amount_to: int | None = None
    then: Then = Then.SPREAD
    tries: int = MAX_RETRIES
    delays: tuple[timedelta, ...] = ()
    hours: tuple[float, ...] = ()
    window_days: int = WINDOW_DAYS
    after: After = After.GIVE_UP

    @property
    def retries(self) -> int:
        """How many retries the line makes at most."""
        if self.then is Then.DELAYS:
            return len(self.delays)
        return self.tries if self.then is Then.SPREAD else 0

    @property
    def fits_all(self) -> bool:
        """Whether no decline gets past this line."""
        return not (
            self.kinds or self.codes or self.funding or self.plan or self.currency
        )

    def fits(self, case: Case) -> bool:
        """Whether the case's newest decline is one that this line is for."""
        kind = explain_decline(case.last_decline, case).kind
        code = case.last_decline.codes.decline_code
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.codes or code in self.codes)
            and (not self.funding or self.funding == case.card.funding)
            and (not self.plan or _same(self.plan, case.plan))
            and self._fits_amount(case)
        )

    def _fits_amount(self, case: Case) -> bool:
        if self.currency is None:
            return True
        least = self.amount_from or 0
        most = case.amount.amount if self.amount_to is None else self.amount_to
        return (
            case.amount.currency == self.currency
            and least <= case.amount.amount <= most
        )


def _same(wanted: str, given: str | None) -> bool:
    return given is not None and wanted.casefold() == given.strip().casefold()


@dataclass(frozen=True, slots=True)
class Definition:
    """The lines in their order."""

    lines: tuple[Line, ...]


class OwnStrategy:
    """A definition at work."""

    def __init__(self, name: str, version: str, definition: Definition) -> None:
        self.name = name
        self.version = version
        self.definition = definition

    def next_step(self, case: Case, *, now: datetime) -> Step:
        """What the first line that fits wants."""
        for number, line in enumerate(self.definition.lines, start=1):
            if line.fits(case):
                return _step(number, line, case, now)
        step = EvenSpread().next_step(case, now=now)
        return replace(step, reason=f"No line fits, so as Even spread: {step.reason}")


def _step(number: int, line: Line, case: Case, now: datetime) -> Step:
    if line.then is Then.ASK:
        return AskCustomer(f"Line {number} of the strategy asks the customer.")
    if line.then is Then.GIVE_UP:
        return GiveUp(f"Line {number} of the strategy gives up.")
    end = min(case.deadline_at, case.declined_at + line.window_days * _DAY)
    bound = first_allowed(case, now, now=now)
    if case.retries >= line.retries:
        return _used_up(number, line, f"all {line.retries} retries were made")
    if bound.at > end:
        return _used_up(number, line, "no further retry fits into its window")
    return _retry(number, line, case, bound, end)


def _used_up(number: int, line: Line, why: str) -> Step:
    said = f"Line {number} of the strategy: {why}."
    return AskCustomer(said) if line.after is After.ASK else GiveUp(said)


def _retry(number: int, line: Line, case: Case, bound: Bound, end: datetime) -> RetryAt:
    wanted = _wanted(line, case, end)
    if wanted < bound.at and not bound.rules:
        # Late, because retries were off for a while: not all of them at once.
        wanted = min(end, bound.at + _DAY * steady_share(case, "late"))
    at = _at_good_hour(line, case, wanted, bound=bound, end=end)
    local, made = zone_of(case), case.retries + 1
    return RetryAt(
        at,
        f"Line {number} of the strategy: retry {made} of at most {line.retries}, "
        f"{in_words(at, local)} ({local.name}).",
        rules=bound.rules if bound.at >= wanted else (),
        evidence={
            "line": number,
            "try": made,
            "wanted": wanted.isoformat(timespec="minutes"),
            "window_ends": end.isoformat(timespec="minutes"),
            "zone": local.name,
        },
    )


def _wanted(line: Line, case: Case, end: datetime) -> datetime:
    if line.then is Then.DELAYS:
        return min(case.declined_at + line.delays[case.retries], end)
    since = case.last_decline.occurred_at
    left = max(1, min(line.retries - case.retries, retries_left(case)))
    return min(since + max(_DAY, (end - since) / left), end - _BEFORE_END)


def _at_good_hour(
    line: Line, case: Case, wanted: datetime, *, bound: Bound, end: datetime
) -> datetime:
    """The line's hour nearest to `wanted`; `wanted` itself where none is near."""
    zone = zone_of(case).zone
    middle = local_day(wanted, zone)
    jitter = _JITTER * steady_share(case, "minute")
    near = [
        at
        for shift in (-1, 0, 1)
        for hour in line.hours
        if bound.at <= (at := at_local(middle + shift * _DAY, hour, zone) + jitter)
        and at <= end
    ]
    if near:
        return min(near, key=lambda at: abs(at - wanted))
    return min(max(wanted, bound.at), end)
