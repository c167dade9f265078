"""The customer's clock: where it comes from and what its hours are in UTC."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from app.domain.cases import Card, Customer
from app.domain.local_time import (
    COUNTRY_ZONES,
    at_local,
    in_words,
    local_day,
    zone_of,
)
from tests.domain.builders import a_case


@pytest.mark.parametrize(
    ("customer", "card_country", "name"),
    [
        # what is known best outranks the rest
        ({"timezone": "Asia/Tokyo", "utc_offset_minutes": 0}, "US", "Asia/Tokyo"),
        ({"utc_offset_minutes": -210, "country": "DE"}, "US", "UTC-03:30"),
        ({"utc_offset_minutes": 0}, None, "UTC+00:00"),
        ({"country": "de"}, "US", "Europe/Berlin, by the customer's country"),
        ({}, "BR", "America/Sao_Paulo, by the card's country"),
        # nonsense is passed over
        ({"timezone": "Mars/Olympus", "country": "FR"}, None, "Europe/Paris"),
        ({"timezone": "../etc/passwd"}, "GB", "Europe/London"),
        ({"timezone": "America"}, "GB", "Europe/London"),
        ({"timezone": "Europe/Ber\0lin"}, "GB", "Europe/London"),
        ({"timezone": ""}, "GB", "Europe/London"),
        ({"utc_offset_minutes": 9999}, "GB", "Europe/London"),
        ({"country": "ZZ"}, "GB", "Europe/London"),
        # nothing is known, and it is said
        ({}, None, "zone unknown, UTC used"),
        ({"country": "??"}, "", "zone unknown, UTC used"),
    ],
)
def test_the_zone_is_found_by_the_best_that_is_known(
    customer: dict[str, object], card_country: str | None, name: str
) -> None:
    case = a_case(
        customer=Customer("cus_1", **customer),  # type: ignore[arg-type]
        card=Card(country=card_country),
    )
    zone = zone_of(case)
    assert zone.name.startswith(name)
    assert zone.is_known is (name != "zone unknown, UTC used")


def test_every_country_has_a_zone_that_exists() -> None:
    assert len(COUNTRY_ZONES) > 240
    for country, zone in COUNTRY_ZONES.items():
        assert len(country) == 2
        assert ZoneInfo(zone)


@pytest.mark.parametrize(
    ("day", "hour", "zone", "utc"),
    [
        (date(2026, 12, 1), 9.5, "Europe/Berlin", "2026-12-01T08:30"),
        (date(2026, 7, 1), 9.5, "Europe/Berlin", "2026-07-01T07:30"),
        (date(2026, 7, 1), 9.0, "Pacific/Auckland", "2026-06-30T21:00"),
        (date(2026, 7, 1), 9.0, "Asia/Kathmandu", "2026-07-01T03:15"),
        # 02:30 is skipped on this day: just after the gap
        (date(2026, 3, 29), 2.5, "Europe/Berlin", "2026-03-29T01:30"),
        (date(2026, 3, 8), 2.5, "America/New_York", "2026-03-08T07:30"),
        # 02:30 comes twice on this day: the first
        (date(2026, 10, 25), 2.5, "Europe/Berlin", "2026-10-25T00:30"),
        # hours after a change are what the clocks show
        (date(2026, 3, 29), 10.0, "Europe/Berlin", "2026-03-29T08:00"),
    ],
)
def test_a_local_hour_is_this_moment(
    day: date, hour: float, zone: str, utc: str
) -> None:
    assert at_local(day, hour, ZoneInfo(zone)) == datetime.fromisoformat(f"{utc}Z")


def test_days_and_words_are_the_customers() -> None:
    case = a_case(customer=Customer("cus_1", timezone="Pacific/Auckland"))
    zone, moment = zone_of(case), datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
    assert local_day(moment, zone.zone) == date(2026, 11, 3)
    assert in_words(moment, zone) == "Tue 3 Nov 01:00"
