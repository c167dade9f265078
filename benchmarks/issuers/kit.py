"""What the worlds are made of: a holder's hidden state and the world that asks it.

The luck of a charge is a function of the case and the local hour, never of the order
of the calls, so every strategy meets the same world. Only an issuer's temper looks
back, and only at the tries made on the same case.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.issuers.money import Moment

CaseDict = dict[str, Any]
Answer = dict[str, str | None]

START = datetime(2026, 1, 5, tzinfo=UTC)
QUARTER = timedelta(days=90)  # a merchant's first 90 days
WINDOW = timedelta(days=28)


@dataclass(frozen=True)
class Codes:
    """What the issuer says with a refusal."""

    decline_code: str
    advice_code: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None

    def as_answer(self) -> Answer:
        return {
            "outcome": "declined",
            "decline_code": self.decline_code,
            "advice_code": self.advice_code,
            "network_decline_code": self.network_decline_code,
            "network_advice_code": self.network_advice_code,
        }


@dataclass(frozen=True)
class Temper:
    """How an issuer takes repeated tries.

    A try sooner than `rest` after the previous one is refused whatever the account
    holds; so is one that would be the `weekly`-th or later within seven days.
    """

    rest: timedelta = timedelta(0)
    weekly: int = 99
    code: Codes = Codes("do_not_honor")

    def refuses(self, earlier: list[datetime], at: datetime) -> bool:
        recent = [moment for moment in earlier if at - moment < timedelta(days=7)]
        too_soon = bool(earlier) and at - earlier[-1] < self.rest
        return too_soon or len(recent) >= self.weekly


TOLERANT = Temper()


@dataclass(frozen=True)
class Holder:
    """The hidden state of one case.

    `ready` tells whether the charge would be approved at a moment, issuer's temper
    and luck apart; `refusal` gives the codes when it is not; `slip` is the chance that
    a good moment fails all the same, by local hour.
    """

    cause: str
    ready: Callable[[datetime], bool]
    refusal: Callable[[datetime], Codes]
    zone: ZoneInfo
    temper: Temper = TOLERANT
    slip: Callable[[int], float] = lambda hour: 0.04


@dataclass
class World:
    """Cases made by `make(rng, number)`, and the answers to charges on them."""

    name: str
    seed: int
    make: Callable[[random.Random, "Draft"], Holder]
    holders: dict[str, Holder] = field(default_factory=dict)
    cases: dict[str, CaseDict] = field(default_factory=dict)
    tries: dict[str, list[datetime]] = field(default_factory=dict)

    def declines(self, n: int) -> list[CaseDict]:
        """`n` cases over a quarter; the same for the same seed, whatever `n`'s use."""
        step = QUARTER / n
        for number in range(n):
            rng = random.Random(f"{self.name}/{self.seed}/{number}")
            draft = Draft(rng, number, START + step * (number + rng.random()))
            holder = self.make(rng, draft)
            case = draft.finished(holder)
            self.cases[case["case_id"]] = case
            self.holders[case["case_id"]] = holder
            self.tries[case["case_id"]] = [case["declined_at"]]
        return list(self.cases.values())

    def attempt(self, case_id: str, at: datetime) -> Answer:
        """What Stripe answers to a charge at `at`."""
        holder, earlier = self.holders[case_id], self.tries[case_id]
        refused = holder.temper.refuses(earlier, at)
        earlier.append(at)
        if refused:
            return holder.temper.code.as_answer()
        if not holder.ready(at):
            return holder.refusal(at).as_answer()
        if self._slips(case_id, at):
            return Codes("do_not_honor", network_decline_code="05").as_answer()
        return {"outcome": "succeeded"}

    def clairvoyant(self, case_id: str) -> datetime | None:
        """The first hour at which one single retry would be approved, if any.

        Knows hidden state and luck; used by the benchmark's upper bound only.
        """
        case, holder = self.cases[case_id], self.holders[case_id]
        first = case["declined_at"]
        at = first + max(timedelta(hours=1), holder.temper.rest)
        while at <= case["deadline_at"]:
            if holder.ready(at) and not self._slips(case_id, at):
                return at
            at += timedelta(hours=1)
        return None

    def _slips(self, case_id: str, at: datetime) -> bool:
        holder = self.holders[case_id]
        local = at.astimezone(holder.zone)
        luck = random.Random(f"{self.seed}/{case_id}/{local:%Y%m%d%H}").random()
        return luck < holder.slip(local.hour)


class Draft:
    """A case being made: the maker sets what the holder is, the draft does the rest."""

    def __init__(self, rng: random.Random, number: int, around: datetime) -> None:
        self.rng = rng
        self.number = number
        self.declined_at = around.replace(microsecond=0)
        self.zone = ZoneInfo("America/New_York")
        self.country = "US"
        self.currency = "usd"
        self.funding = "debit"
        self.brand = rng.choices(["visa", "mastercard", "amex"], [60, 33, 7])[0]
        self.amount = round(100 * min(400.0, rng.lognormvariate(3.3, 0.7)))
        self.window = WINDOW
        self.months = rng.choice([0, 1, 2, 3, 4, 6, 8, 11, 14])
        self.codes: Codes | None = None
        self.shows_history = True

    def live_in(self, country: str, zone: str, currency: str) -> None:
        self.country, self.currency, self.zone = country, currency, ZoneInfo(zone)

    def deadline(self) -> datetime:
        return self.declined_at + self.window

    def moment(self) -> Moment:
        """The decline in local time, for finding a calendar that explains it."""
        return Moment.of(self.declined_at, self.zone)

    def finished(self, holder: Holder) -> CaseDict:
        """The observables, past renewals played through the holder's calendar."""
        codes = self.codes or holder.refusal(self.declined_at)
        successes, declines = self._history(holder)
        return {
            "case_id": f"case-{self.number:05d}",
            "customer_id": f"cus_{self.number:05d}",
            "invoice_id": f"in_{self.number:05d}",
            "interval": "month",
            "amount": self.amount,
            "currency": self.currency,
            "declined_at": self.declined_at,
            "deadline_at": self.deadline(),
            "attempt_count": 1,
            "decline_code": codes.decline_code,
            "advice_code": codes.advice_code,
            "network_decline_code": codes.network_decline_code,
            "network_advice_code": codes.network_advice_code,
            "card": {
                "brand": self.brand,
                "funding": self.funding,
                "country": self.country,
                "issuer": None,
                "iin": None,
            },
            "customer": {
                "country": self.country,
                "timezone": str(self.zone),
                "utc_offset_hours": None,
                "months_active": self.months,
            },
            "past_successes": successes,
            "past_declines": declines,
        }

    def _history(self, holder: Holder) -> tuple[list[datetime], list[datetime]]:
        successes: list[datetime] = []
        declines: list[datetime] = []
        if not self.shows_history:
            return successes, declines
        for month in range(min(self.months, 12), 0, -1):
            renewal = self.declined_at - timedelta(days=30.4375 * month)
            if holder.cause != "money" or holder.ready(renewal):
                successes.append(renewal)
            else:
                declines.append(renewal)
                paid = self._paid_late(holder, renewal)
                successes.extend([paid] if paid else [])
        return successes, declines

    def _paid_late(self, holder: Holder, renewal: datetime) -> datetime | None:
        for days in (3, 7, 12, 19):
            at = renewal + timedelta(days=days, hours=self.rng.random() * 3)
            if holder.ready(at):
                return at
        return None
