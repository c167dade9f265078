"""An own strategy's definition as JSON values, to be stored, and back."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

from app.domain.declines import DeclineKind
from app.domain.strategies.own import After, Definition, Line, Then

T = TypeVar("T")


class BadDefinition(ValueError):
    """What was stored is no definition."""


def to_json(definition: Definition) -> dict[str, Any]:
    """Plain values; `from_json` gives the definition back."""
    return {"lines": [_written(line) for line in definition.lines]}


def from_json(stored: Mapping[str, Any]) -> Definition:
    """Raises BadDefinition for what `to_json` did not write."""
    try:
        found = Definition(tuple(_read(line) for line in stored["lines"]))
        is_whole = to_json(found) == stored
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise BadDefinition(f"no stored definition: {error}") from error
    if not is_whole:  # a number where a word belongs, and the like
        raise BadDefinition("no stored definition: it reads as another one")
    return found


def _written(line: Line) -> dict[str, Any]:
    return {
        "kinds": [kind.value for kind in line.kinds],
        "codes": list(line.codes),
        "funding": line.funding,
        "plan": line.plan,
        "currency": line.currency,
        "amount_from": line.amount_from,
        "amount_to": line.amount_to,
        "then": line.then.value,
        "tries": line.tries,
        "delay_minutes": [each // timedelta(minutes=1) for each in line.delays],
        "hours": list(line.hours),
        "window_days": line.window_days,
        "after": line.after.value,
    }


def _read(line: Mapping[str, Any]) -> Line:
    return Line(
        kinds=tuple(DeclineKind(kind) for kind in line["kinds"]),
        codes=tuple(_given(code, str) for code in line["codes"]),
        funding=_optional(line["funding"], str),
        plan=_optional(line["plan"], str),
        currency=_optional(line["currency"], str),
        amount_from=_optional(line["amount_from"], int),
        amount_to=_optional(line["amount_to"], int),
        then=Then(line["then"]),
        tries=int(line["tries"]),
        delays=tuple(timedelta(minutes=each) for each in line["delay_minutes"]),
        hours=tuple(float(hour) for hour in line["hours"]),
        window_days=int(line["window_days"]),
        after=After(line["after"]),
    )


def _optional(value: object, kind: type[T]) -> T | None:
    return None if value is None else _given(value, kind)


def _given(value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
