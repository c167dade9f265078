"""A case, and all else that a decision rests on, as JSON values and back.

Exact: what is read equals what was written, to the microsecond. What has its default is
left out, so that most cases take one or two kilobytes; stored, they take half of one.
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.cases import Card, CardAttempt, Case, Customer
from app.domain.declines import Codes, Decline, MadeBy
from app.domain.facts import Facts
from app.domain.money import Money
from app.domain.stripe_refusals import StripeRefusals

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class BadFacts(ValueError):
    """What was stored is no case that this program knows."""


def to_json(facts: Facts) -> dict[str, Any]:
    """Plain values; `from_json` gives the facts back."""
    written: dict[str, Any] = _written(facts)
    return written


def from_json(stored: Mapping[str, Any]) -> Facts:
    """Raises BadFacts for what `to_json` did not write."""
    try:
        refusals = stored.get("refusals")
        return Facts(
            _case(stored["case"]),
            None if refusals is None else _with_time(StripeRefusals, refusals),
        )
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise BadFacts(f"no stored facts: {error}") from error


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    if isinstance(value, tuple):
        return [_written(each) for each in value]
    if not is_dataclass(value):
        return value
    kept = {}
    for field in fields(value):
        given = getattr(value, field.name)
        if field.default is MISSING or given != field.default:
            kept[field.name] = _written(given)
    return kept


def _case(stored: Mapping[str, Any]) -> Case:
    changed_at = stored.get("card_changed_at")
    return Case(
        **{
            **stored,
            "amount": Money(**stored["amount"]),
            "declines": _declines(stored["declines"]),
            "deadline_at": _moment(stored["deadline_at"]),
            "customer": Customer(**stored["customer"]),
            "card": Card(**stored.get("card", {})),
            "card_attempts": tuple(
                _with_time(CardAttempt, each)
                for each in stored.get("card_attempts", ())
            ),
            "past_successes": _moments(stored.get("past_successes", ())),
            "past_declines": _moments(stored.get("past_declines", ())),
            "declines_elsewhere": _declines(stored.get("declines_elsewhere", ())),
            "card_changed_at": None if changed_at is None else _moment(changed_at),
        }
    )


def _declines(stored: Any) -> tuple[Decline, ...]:
    return tuple(
        Decline(
            _moment(each["occurred_at"]),
            Codes(**each["codes"]),
            MadeBy(each.get("made_by", MadeBy.UNKNOWN)),
        )
        for each in stored
    )


def _with_time(kind: Any, stored: Mapping[str, Any]) -> Any:
    return kind(**{**stored, "at": _moment(stored["at"])})


def _moments(stored: Any) -> tuple[datetime, ...]:
    return tuple(_moment(each) for each in stored)


def _moment(stored: int) -> datetime:
    return _EPOCH + stored * _MICROSECOND
