"""What a strategy knew and weighed when it chose a time, in words for the decision
card. Strategies write it down as they like; what is not known here is shown as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint

from app.storage.models import RetryAttempt
from app.web.filters import exact_text, money, plural
from app.web.words import word_of

bp = Blueprint("grounds", __name__)  # no routes: it lends its words to templates

_CHOSEN_BY = {
    "even spread": "the even spread",
    "even spread, other hour": "the even spread, at another hour of the day",
    "model": "the model",
    "exploration": "the model, at another hour of the day to learn of it",
}
_MAY = {
    "prior": "leave the even spread only for much",
    "nudge": "move its tries a little",  # written by versions 1 and 2
    "free": "plan by itself",
}


@dataclass(frozen=True, slots=True)
class Ground:
    """One line of the card; `texts` stand below each other."""

    label: str
    texts: tuple[str, ...]


@bp.app_template_filter()
def grounds(attempt: RetryAttempt) -> list[Ground]:
    """All that was written down, in the order in which it is read best."""
    left = dict(attempt.evidence)
    found = []
    for name, (label, told) in _LINES.items():
        if name in left:
            found.append(_line(label, told, left.pop(name), attempt))
    found += [_line(word_of(name), _plain, left[name], attempt) for name in left]
    return [each for each in found if each.texts]


Told = Callable[[Any, RetryAttempt], tuple[str, ...]]


def _line(label: str, told: Told, value: Any, attempt: RetryAttempt) -> Ground:
    try:
        return Ground(label, told(value, attempt))
    except (TypeError, ValueError, AttributeError):
        # Rows of an older version, or of one to come: better raw than no page.
        return Ground(label, _plain(value, attempt))


def _plain(value: Any, attempt: RetryAttempt) -> tuple[str, ...]:
    return (str(value),) if value not in (None, "", [], {}) else ()


def _word(words: dict[str, str]) -> Told:
    return lambda value, attempt: (words.get(value, str(value)),)


def _shares(value: Any, attempt: RetryAttempt) -> tuple[str, ...]:
    return tuple(f"{_percent(share)} {cause}" for cause, share in value.items())


def _percent(share: float) -> str:
    return "under 1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"


def _chance(value: Any, attempt: RetryAttempt) -> tuple[str, ...]:
    return (f"{100 * value:.0f} %",)


def _points(value: Any, attempt: RetryAttempt) -> tuple[str, ...]:
    if value >= 1:
        return ("more than any plan can promise: its chances were worse than rates",)
    return (f"{100 * value:.1f} points of the amount",)


def _moments(value: Any, attempt: RetryAttempt) -> tuple[str, ...]:
    return tuple(exact_text(datetime.fromisoformat(each)) for each in value)


def _moment(value: Any, attempt: RetryAttempt) -> tuple[str, ...]:
    return _moments([value], attempt)


def _amount(value: Any, attempt: RetryAttempt) -> tuple[str, ...]:
    return (money(value, attempt.recovery.currency),)


def _closed(value: Any, attempt: RetryAttempt) -> tuple[str, ...]:
    return (plural(value, "closed recovery", "closed recoveries"),)


def _several(value: Any, attempt: RetryAttempt) -> tuple[str, ...]:
    return (", ".join(value),) if value else ()


def _yes(value: Any, attempt: RetryAttempt) -> tuple[str, ...]:
    return ("yes" if value else "no, none fitted",)


_LINES: dict[str, tuple[str, Told]] = {
    "plan": ("Time chosen by", _word(_CHOSEN_BY)),
    "belief": ("Why declined, as believed", _shares),
    "issuer": ("The bank, as believed", _shares),
    "value": ("Expected of this try", _amount),
    "cost": ("Taken to cost", _amount),
    "planned": ("Planned while it fails", _moments),
    "chance_of_plan": ("Chance of all these", _chance),
    "chance_of_even_spread": ("Of the even spread's", _chance),
    "margin": ("Asked before leaving it", _points),
    "stage": ("The model may", _word(_MAY)),
    "learned_from": ("Learned from", _closed),
    "unknown": ("Not known", _several),
    "line": ("Line of the strategy", _plain),
    "try": ("Try", _plain),
    "tries_left": ("Tries left with this one", _plain),
    "even_time": ("Even rhythm", _moment),
    "wanted": ("Wanted at", _moment),
    "window_ends": ("Time for retries ends", _moment),
    "zone": ("The customer's clock", _plain),
    "good_hour": ("A good hour of the day", _yes),
    # The chance stands at the top of the card.
    "chance": ("", lambda value, attempt: ()),
}
