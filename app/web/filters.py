"""How values read on a page: money, times, statuses, counts."""

from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask, g
from flask_login import current_user
from markupsafe import Markup, escape

from app import current
from app.domain.money import Money
from app.domain.recovery import PauseCause
from app.storage.models import Recovery
from app.web.times import Reader
from app.web.words import NOTHING, look_of, word_of
from app.web.words import plural as plural  # sentences say it too

_LONGEST_NAME = 80
NO_VALUE = Markup('<span class="none">&ndash;</span>')  # phones leave it out


def register(app: Flask) -> None:
    """Make the filters known to every template."""
    app.jinja_env.globals["current_user"] = current_user
    app.jinja_env.filters.update(
        customer=customer,
        money=money,
        when=when,
        exact=exact,
        exact_text=exact_text,
        word=word_of,
        pill=pill,
        standing=standing,
        plural=plural,
        span=span,
    )


def money(value: Money | int | None, currency: str | None = None) -> str:
    """An amount with its currency's decimals: `1,234.56 USD`."""
    if value is None:
        return NOTHING
    if isinstance(value, Money):
        return str(value)
    return _written(value, currency or "")


@lru_cache(maxsize=1024)  # plans have few prices
def _written(amount: int, currency: str) -> str:
    return str(Money(amount, currency))


def span(interval: str, count: int) -> str:
    """What lies between two bills: `month`, `3 months`."""
    return interval if count == 1 else f"{count} {interval}s"


def when(time: datetime | None) -> Markup:
    """How far away `time` is, and exactly when on hover, in the viewer's zone."""
    return NO_VALUE if time is None else _reader().when(time)


def exact(time: datetime | None) -> Markup:
    """`time` to the second in the viewer's zone: for timelines and details."""
    return NO_VALUE if time is None else _reader().exact(time)


def exact_text(time: datetime) -> str:
    """The same as plain text: for one-line notices."""
    return _reader().exact_text(time)


def customer(row: Any) -> Markup:
    """Who `row` is about, its direction kept to itself: a name may be anything."""
    return Markup(f"<bdi>{escape(name_of(row))}</bdi>")  # noqa: S704


def name_of(row: Any) -> str:
    """Who `row` is about, cut: to be escaped."""
    name = row.customer_name or row.customer_email or row.stripe_customer_id
    return cut(name or "Unknown", _LONGEST_NAME)


def cut(text: str, longest: int) -> str:
    """`text`, with three dots for its end where it has more than `longest` letters."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def pill(status: StrEnum | str | None) -> Markup:
    """A status as a pill: its word, and a sign that needs no color to be told."""
    return NO_VALUE if status is None else _pill(status)


def standing(recovery: Recovery) -> Markup:
    """A recovery's status as a pill; while Stripe itself retries, that is said."""
    stripe_retries = recovery.paused_because is PauseCause.STRIPE_RETRIES
    return pill(recovery.paused_because if stripe_retries else recovery.status)


@lru_cache(maxsize=256)  # a list shows the same few words over and over
def _pill(status: str) -> Markup:
    tone, sign = look_of(status)
    return Markup(
        '<span class="pill {}"><span class="sign" aria-hidden="true">{}</span>{}</span>'
    ).format(tone, sign, word_of(status))


def viewer_zone() -> ZoneInfo:
    """The zone in which the signed-in person reads times."""
    name = current_user.timezone if current_user.is_authenticated else "UTC"
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _reader() -> Reader:
    """One zone and one now for the whole page."""
    try:
        kept: Reader = g.reader
    except AttributeError:
        kept = g.reader = Reader(viewer_zone(), current.now())
    return kept
