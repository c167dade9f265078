"""The customer's own clock: which zone, and what moment a local hour is."""

import csv
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from app.domain.cases import Case

# Real offsets lie between -12 and +14 hours.
_MOST_OFFSET_MINUTES = 14 * 60


@dataclass(frozen=True, slots=True)
class LocalZone:
    """A zone, and how we came by it (for the reason that people read)."""

    zone: tzinfo
    name: str
    is_known: bool = True


UNKNOWN_ZONE = LocalZone(UTC, "zone unknown, UTC used", is_known=False)


def zone_of(case: Case) -> LocalZone:
    """The customer's zone by the best that is known; UTC, said so, where nothing is."""
    customer = case.customer
    return (
        _by_name(customer.timezone)
        or _by_offset(customer.utc_offset_minutes)
        or _by_country(customer.country, "the customer's country")
        or _by_country(case.card.country, "the card's country")
        or UNKNOWN_ZONE
    )


def _by_name(name: str | None) -> LocalZone | None:
    zone = _zone(name) if name else None
    return LocalZone(zone, str(name)) if zone else None


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    """The IANA zone of that name; None when there is none, whatever the text is."""
    try:
        return ZoneInfo(name)
    # Unknown names raise a KeyError's child, odd ones ValueError, folders OSError.
    except (KeyError, ValueError, OSError):
        return None


def _by_offset(minutes: int | None) -> LocalZone | None:
    if minutes is None or abs(minutes) > _MOST_OFFSET_MINUTES:
        return None
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return LocalZone(
        timezone(timedelta(minutes=minutes)), f"UTC{sign}{hours:02d}:{rest:02d}"
    )


def _by_country(country: str | None, whose: str) -> LocalZone | None:
    name = COUNTRY_ZONES.get((country or "").strip().upper())
    zone = _zone(name) if name else None
    return LocalZone(zone, f"{name}, by {whose}") if zone else None


def _country_zones() -> dict[str, str]:
    path = Path(__file__).with_name("country_zones.csv")
    with path.open(encoding="utf-8", newline="") as lines:
        return {row["country"]: row["zone"] for row in csv.DictReader(lines)}


# Each country's zone, from the IANA database's zone.tab (2026f). Of a country with
# several, the one where most people live; of the United States the middle one
# (Chicago), which is wrong by at most two hours for nearly everybody.
COUNTRY_ZONES: dict[str, str] = _country_zones()


def at_local(day: date, hour: float, zone: tzinfo) -> datetime:
    """The UTC moment at which clocks in `zone` show `hour` (9.5 is 09:30) on `day`.

    An hour that a clock change skips is read on the clock before the change, which
    gives a moment just after the gap; an hour that comes twice is its first.
    """
    wall = datetime.combine(day, time(tzinfo=zone)) + timedelta(hours=hour)
    return wall.astimezone(UTC)


def local_day(moment: datetime, zone: tzinfo) -> date:
    """The calendar day that people in `zone` have at `moment`."""
    return moment.astimezone(zone).date()


def in_words(moment: datetime, local: LocalZone) -> str:
    """The moment on the customer's clock, as in `Tue 1 Dec 10:20`."""
    there = moment.astimezone(local.zone)
    return f"{there:%a} {there.day} {there:%b %H:%M}"
