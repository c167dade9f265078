"""A world's case, a plain dict, read into the domain's words.

Any field but the ids, amount, currency, declined_at, deadline_at and decline_code may
be None or missing; a field of the wrong type is a fault of the world, with the case
and the field named. Ids are text or whole numbers; numbers may be numpy's.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from numbers import Real

from app.backtest.worlds import WorldFault, codes_in, is_whole
from app.domain.cases import Card, CardAttempt, Case, Customer
from app.domain.declines import Decline, MadeBy
from app.domain.money import Money

YEARS = range(1990, 2101)  # calendars and clocks are sure of these
_CURRENCY = re.compile("[A-Za-z]{3}")


def first_case(told: Mapping[str, object], *, seed: int) -> Case:
    """The case as it stands at its first decline."""
    name = str(told["case_id"])
    codes = codes_in(told, name)
    if codes.decline_code is None:
        raise WorldFault(f"case {name}: no decline_code")
    declined_at = _moment(told.get("declined_at"), name, "declined_at")
    deadline_at = _moment(told.get("deadline_at"), name, "deadline_at")
    if deadline_at < declined_at:
        raise WorldFault(f"case {name}: deadline_at is before declined_at")
    money = _money(told, name)
    charges = _number(told.get("attempt_count"), name, "attempt_count")
    interval = told.get("interval")
    return Case(
        invoice_id=_id(told, "invoice_id", name) or name,
        amount=money,
        declines=(Decline(declined_at, codes, MadeBy.FIRST),),
        deadline_at=deadline_at,
        customer=_customer(told, name),
        card=_card(told, name),
        charges=max(1, int(charges)) if charges is not None else 1,
        interval=interval if isinstance(interval, str) else None,
        card_attempts=(CardAttempt(declined_at, money.amount, money.currency),),
        past_successes=_moments(told, "past_successes", name),
        past_declines=_moments(told, "past_declines", name),
        seed=case_seed(seed, name),
    )


def case_seed(seed: int, name: str) -> int:
    """A seed of the case's own, the same on every machine."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def _customer(told: Mapping[str, object], name: str) -> Customer:
    facts = _part(told, "customer", name)
    hours = _number(facts.get("utc_offset_hours"), name, "utc_offset_hours")
    months = _number(facts.get("months_active"), name, "months_active")
    return Customer(
        stripe_id=_id(told, "customer_id", name) or name,
        country=_text(facts, "country", name),
        timezone=_text(facts, "timezone", name),
        utc_offset_minutes=None if hours is None else round(hours * 60),
        months_active=None if months is None else int(months),
    )


def _card(told: Mapping[str, object], name: str) -> Card:
    facts = _part(told, "card", name)
    brand = _text(facts, "brand", name)
    return Card(
        brand=brand,
        network=brand,
        funding=_text(facts, "funding", name),
        country=_text(facts, "country", name),
        fingerprint=_id(told, "customer_id", name) or name,
        issuer=_text(facts, "issuer", name),
        iin=_text(facts, "iin", name),
    )


def _money(told: Mapping[str, object], name: str) -> Money:
    amount, currency = told.get("amount"), told.get("currency")
    if not is_whole(amount) or int(amount) <= 0:
        raise WorldFault(f"case {name}: amount is {amount!r}, not minor units")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise WorldFault(f"case {name}: currency is {currency!r}")
    return Money(int(amount), currency.lower())


def _moment(value: object, name: str, field: str) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise WorldFault(f"case {name}: {field} is {value!r}, not an aware datetime")
    if value.year not in YEARS:
        years = f"{YEARS[0]} to {YEARS[-1]}"
        raise WorldFault(f"case {name}: {field} is {value}, outside {years}")
    return value.astimezone(UTC)


def _moments(told: Mapping[str, object], field: str, name: str) -> tuple[datetime, ...]:
    values = told.get(field) or ()
    if not isinstance(values, list | tuple):
        raise WorldFault(f"case {name}: {field} is {values!r}, not a list")
    return tuple(_moment(value, name, field) for value in values)


def _part(told: Mapping[str, object], field: str, name: str) -> Mapping[str, object]:
    part = told.get(field) or {}
    if not isinstance(part, Mapping):
        raise WorldFault(f"case {name}: {field} is {part!r}, not a dict")
    return part


def _id(facts: Mapping[str, object], field: str, name: str) -> str | None:
    value = facts.get(field)
    if is_whole(value):
        return str(value)
    return _text(facts, field, name)


def _text(facts: Mapping[str, object], field: str, name: str) -> str | None:
    value = facts.get(field)
    if value is not None and not isinstance(value, str):
        raise WorldFault(f"case {name}: {field} is {value!r}, not text")
    return value or None


def _number(value: object, name: str, field: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real):
        raise WorldFault(f"case {name}: {field} is {value!r}, not a number")
    if not math.isfinite(value):
        raise WorldFault(f"case {name}: {field} is {value!r}")
    return float(value)
