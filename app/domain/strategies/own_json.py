"""An own strategy's definition as JSON values, to be stored, and back."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from app.domain.declines import DeclineKind
from app.domain.strategies.own import After, Definition, Line, Then


class BadDefinition(ValueError):
    """What was stored is no definition."""


def to_json(definition: Definition) -> dict[str, Any]:
    """Plain values; `from_json` gives the definition back."""
    return {"lines": [_written(line) for line in definition.lines]}


def from_json(stored: Mapping[str, Any]) -> Definition:
    """Raises BadDefinition for what `to_json` did not write."""
    try:
        return Definition(tuple(_read(line) for line in stored["lines"]))
    except (KeyError, TypeError, ValueError) as error:
        raise BadDefinition(f"no stored definition: {error}") from error


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
        codes=tuple(line["codes"]),
        funding=line["funding"],
        plan=line["plan"],
        currency=line["currency"],
        amount_from=line["amount_from"],
        amount_to=line["amount_to"],
        then=Then(line["then"]),
        tries=int(line["tries"]),
        delays=tuple(timedelta(minutes=each) for each in line["delay_minutes"]),
        hours=tuple(float(hour) for hour in line["hours"]),
        window_days=int(line["window_days"]),
        after=After(line["after"]),
    )
