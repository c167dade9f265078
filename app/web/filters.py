"""How values read on a page: money, times, statuses, counts."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask, g
from flask_login import current_user
from markupsafe import Markup

from app import current
from app.domain.money import Money
from app.domain.recovery import PauseCause
from app.storage.models import Recovery
from app.web.words import look_of, word_of

_FAR = timedelta(days=7)
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))
_NOTHING = Markup('<span class="quiet">&ndash;</span>')


def register(app: Flask) -> None:
    """Make the filters known to every template."""
    app.jinja_env.globals["current_user"] = current_user
    app.jinja_env.filters.update(
        money=money,
        when=when,
        exact=exact,
        word=word_of,
        pill=pill,
        standing=standing,
        plural=plural,
    )


def money(value: Money | int | None, currency: str | None = None) -> str:
    """An amount with its currency's decimals: `1,234.56 USD`."""
    if value is None:
        return "\N{EN DASH}"
    return str(value if isinstance(value, Money) else Money(value, currency or ""))


def when(time: datetime | None) -> Markup:
    """How far away `time` is, and exactly when on hover, in the viewer's zone."""
    if time is None:
        return _NOTHING
    now, local = _now(), _local(time)
    near = abs(time - now) < _FAR
    return _time_tag(time, local, relative(time, now=now) if near else _day(local))


def exact(time: datetime | None) -> Markup:
    """`time` to the second in the viewer's zone: for timelines and details."""
    if time is None:
        return _NOTHING
    local = _local(time)
    return _time_tag(time, local, _to_the_second(local))


def exact_text(time: datetime) -> str:
    """The same as plain text: for one-line notices."""
    return _to_the_second(_local(time))


def relative(time: datetime, *, now: datetime) -> str:
    """`in 3 hours`, `5 minutes ago`: the largest unit, rounded down."""
    seconds = int(abs((time - now).total_seconds()))
    for unit, size in _UNITS:
        if seconds >= size:
            span = plural(seconds // size, unit)
            return f"in {span}" if time > now else f"{span} ago"
    return "in a moment" if time > now else "just now"


def pill(status: StrEnum | str | None) -> Markup:
    """A status as a pill: its word, and a sign that needs no color to be told."""
    return _NOTHING if status is None else _pill(str(status))


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


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 decline`, `2 declines`, `1,200 retries`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _time_tag(time: datetime, local: datetime, text: str) -> Markup:
    # Only digits and names of days, months and zones: there is nothing to escape, and
    # a long list has a hundred of them.
    written = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    title = _to_the_second(local)
    return Markup(f'<time datetime="{written}" title="{title}">{text}</time>')  # noqa: S704


def _to_the_second(local: datetime) -> str:
    return f"{local:%a} {_day(local)}, {local:%H:%M:%S %Z}"


def _day(local: datetime) -> str:
    return f"{local.day} {local:%b %Y}"


def _local(time: datetime) -> datetime:
    """`time` on the viewer's clock."""
    try:
        return time.astimezone(viewer_zone())
    except OverflowError:  # the last hours of the calendar, which Stripe may send
        return time.astimezone(UTC)


def viewer_zone() -> ZoneInfo:
    """The zone in which the signed-in person reads times."""
    name = current_user.timezone if current_user.is_authenticated else "UTC"
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _now() -> datetime:
    """One now for the whole page."""
    if "page_now" not in g:
        g.page_now = current.now()
    now: datetime = g.page_now
    return now
