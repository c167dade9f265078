"""When there is money on an account: pay calendars and how long pay lasts."""

import calendar
import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Moment:
    """A moment on the holder's own clock."""

    day: date
    hour: float

    @staticmethod
    def of(at: datetime, zone: ZoneInfo) -> "Moment":
        local = at.astimezone(zone)
        return Moment(local.date(), local.hour + local.minute / 60)


class Paydays(Protocol):
    """A pay calendar."""

    days: float  # the usual length of a cycle

    def falls_on(self, day: date) -> bool: ...


@dataclass(frozen=True)
class EveryNDays:
    """Paid each `days` days: 7 weekly, 14 biweekly, 10 for nobody's payroll."""

    anchor: date
    days: int

    def falls_on(self, day: date) -> bool:
        return (day - self.anchor).days % self.days == 0


@dataclass(frozen=True)
class DaysOfMonth:
    """Paid on days of the month (31 is the last), on Friday if that is a weekend."""

    of_month: tuple[int, ...]
    moves_off_weekends: bool = True

    @property
    def days(self) -> float:
        return 30.4 / len(self.of_month)

    def falls_on(self, day: date) -> bool:
        return any(self._paid(day, ahead) for ahead in range(3))

    def _paid(self, day: date, ahead: int) -> bool:
        due = day + ahead * DAY
        last = calendar.monthrange(due.year, due.month)[1]
        is_due = any(min(wanted, last) == due.day for wanted in self.of_month)
        if not self.moves_off_weekends:
            return is_due and ahead == 0
        shift = max(0, due.weekday() - 4)  # Saturday 1, Sunday 2
        return is_due and shift == ahead


@dataclass(frozen=True)
class NthWeekday:
    """Paid on the `nth` `weekday` of the month, as US Social Security is."""

    nth: int
    weekday: int
    days: float = 30.4

    def falls_on(self, day: date) -> bool:
        return day.weekday() == self.weekday and (day.day - 1) // 7 + 1 == self.nth


@dataclass(frozen=True)
class Account:
    """Pay arrives at `hour` on paydays and lasts about `share` of the cycle."""

    paydays: Paydays
    share: float
    hour: float
    luck: int

    def has_money(self, moment: Moment) -> bool:
        day = moment.day if moment.hour >= self.hour else moment.day - DAY
        for ago in range(40):
            if self.paydays.falls_on(day - ago * DAY):
                return ago + 0.5 < self._lasts(day - ago * DAY)
        return False

    def _lasts(self, payday: date) -> float:
        spread = random.Random(f"{self.luck}/{payday}").uniform(0.6, 1.4)
        return max(0.6, self.share * self.paydays.days * spread)


def us_paydays(rng: random.Random) -> Paydays:
    """Shares by the US Bureau of Labor Statistics' survey of establishments, 2013:
    weekly 32.4 %, biweekly 36.5 %, semimonthly 19.8 %, monthly 11.3 %."""
    kind = rng.choices(["week", "two", "half", "month"], [32.4, 36.5, 19.8, 11.3])[0]
    friday_heavy = rng.choices(range(5), [6, 8, 12, 22, 52])[0]
    anchor = date(2025, 1, 6) + timedelta(days=friday_heavy + 7 * rng.randrange(2))
    match kind:
        case "week":
            return EveryNDays(anchor, 7)
        case "two":
            return EveryNDays(anchor, 14)
        case "half":
            return DaysOfMonth(rng.choice([(1, 15), (15, 31), (5, 20)]))
        case _:
            return DaysOfMonth((rng.choice([1, 1, 3, 15, 25, 31, 31]),))


def eu_paydays(rng: random.Random) -> Paydays:
    """Monthly salaries, month-end heavy: common knowledge, no survey was read."""
    day = rng.choices(
        [31, 28, 27, 25, 30, 1, 5, 10, 15], [26, 14, 8, 18, 8, 10, 4, 5, 7]
    )
    return DaysOfMonth((day[0],))


def broke_account(
    rng: random.Random,
    moment: Moment,
    paydays: "PaydayMaker",
    shares: tuple[float, ...],
) -> Account:
    """An account without money at `moment`: drawn until one explains the decline."""
    while True:
        account = Account(
            paydays(rng),
            rng.choice(shares),
            rng.choice([0, 3, 6, 8]),
            rng.getrandbits(32),
        )
        if not account.has_money(moment):
            return account


class PaydayMaker(Protocol):
    """Draws one person's pay calendar."""

    def __call__(self, rng: random.Random) -> Paydays: ...
