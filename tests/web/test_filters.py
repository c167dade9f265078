from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask_login import login_user

from app.domain.lifecycle import Lifecycle
from app.domain.money import Money
from app.domain.recovery import AttemptStatus, RecoveryStatus
from app.web.filters import exact, money, pill, when
from app.web.times import relative
from app.web.words import look_of, plural, word_of
from tests.builders import a_user
from tests.conftest import MONDAY


@pytest.fixture
def _page(app: Flask) -> Iterator[None]:
    with app.test_request_context("/"):
        yield


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        (Money(123456, "usd"), None, "1,234.56 USD"),
        (500, "jpy", "500 JPY"),
        (1234, "kwd", "1.234 KWD"),
        (None, None, "\N{EN DASH}"),
    ],
)
def test_money_has_the_decimals_of_its_currency(
    value: Money | int | None, currency: str | None, text: str
) -> None:
    assert money(value, currency) == text


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        (timedelta(seconds=20), "in a moment"),
        (timedelta(seconds=-20), "just now"),
        (timedelta(minutes=1), "in 1 minute"),
        (timedelta(minutes=-59), "59 minutes ago"),
        (timedelta(hours=26), "in 1 day"),
        (timedelta(hours=-5, minutes=-59), "5 hours ago"),
        (timedelta(days=6), "in 6 days"),
    ],
)
def test_a_near_time_is_told_by_its_distance(delta: timedelta, text: str) -> None:
    assert relative(MONDAY + delta, now=MONDAY) == text


@pytest.mark.usefixtures("_page")
def test_the_exact_time_stands_behind_it_in_the_viewers_zone(app: Flask) -> None:
    login_user(a_user(timezone="America/New_York"))
    tag = when(MONDAY + timedelta(hours=3))
    assert 'datetime="2026-11-02T12:00:00Z"' in tag
    assert 'title="Mon 2 Nov 2026, 07:00:00 EST"' in tag
    assert ">in 3 hours<" in tag


@pytest.mark.usefixtures("_page")
def test_a_far_time_is_told_by_its_date() -> None:
    assert ">2 Dec 2026<" in when(MONDAY + timedelta(days=30))
    assert "Mon 2 Nov 2026, 09:00:00 UTC</time>" in exact(MONDAY)


@pytest.mark.usefixtures("_page")
@pytest.mark.parametrize("zone", ["", "Nowhere/Atlantis", "../etc/passwd", "x" * 60])
def test_an_unknown_zone_reads_as_utc(zone: str) -> None:
    login_user(a_user(timezone=zone))
    assert "09:00:00 UTC" in exact(MONDAY)


@pytest.mark.usefixtures("_page")
@pytest.mark.parametrize("year", [1, 9999])
def test_the_ends_of_time_are_still_times(year: int) -> None:
    login_user(a_user(timezone="Pacific/Auckland"))
    assert "<time" in when(datetime(year, 12, 31, 23, tzinfo=UTC))
    assert "<time" in when(datetime(year, 1, 1, tzinfo=UTC))


@pytest.mark.usefixtures("_page")
def test_no_time_is_a_dash() -> None:
    assert "<time" not in when(None)
    assert "<time" not in exact(None)


@pytest.mark.parametrize("words", [RecoveryStatus, AttemptStatus, Lifecycle])
def test_no_status_shows_its_spelling_in_the_code(words: type[RecoveryStatus]) -> None:
    for status in words:
        assert "_" not in word_of(status)
        assert word_of(status)[0].isupper()
        assert look_of(status)[1]


def test_a_pill_tells_its_tone_by_a_sign_too() -> None:
    assert 'class="pill good"' in pill(RecoveryStatus.RECOVERED)
    assert "✓" in pill(RecoveryStatus.RECOVERED)
    assert "Waiting for customer" in pill("waiting_for_customer")


def test_a_status_from_stripe_is_only_text() -> None:
    assert "<b>" not in pill("<b>odd</b>")


def test_counts_agree_with_their_noun() -> None:
    assert plural(1, "decline") == "1 decline"
    assert plural(1200, "decline") == "1,200 declines"
    assert plural(0, "retry", "retries") == "0 retries"
