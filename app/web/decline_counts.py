"""The counts beside the history of declines, and a sentence on what they count."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.extensions import db
from app.storage.listings.decline_counts import MOST_CODES, count_by_code
from app.storage.listings.declines import DeclineFilter
from app.web.lists import address

# The filters that the kept tallies can follow.
_FOLLOWED = frozenset({"kind", "account", "from", "to", "code", "sort"})


@dataclass(frozen=True, slots=True)
class CodeCount:
    """One code: how many declines, and the list of them."""

    label: str
    declines: int
    address: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """The commonest codes; `says` what is counted, and what is not followed."""

    codes: list[CodeCount]
    says: str


def counts_of(wanted: DeclineFilter, kept: Mapping[str, str]) -> Counts:
    """The counts that go with the list under this filter."""
    found = count_by_code(db.session(), wanted)
    codes = [
        CodeCount(
            code,
            int(declines),
            _address(kept, code, is_here=code == wanted.code),
            code == wanted.code,
        )
        for code, declines in found
    ]
    return Counts(codes, _said(wanted, kept, is_cut=len(codes) == MOST_CODES))


def _address(kept: Mapping[str, str], code: str, *, is_here: bool) -> str:
    """Where the link leads: to the code, or from it back to all codes."""
    return address(kept, but=("code",)) if is_here else address({**kept, "code": code})


def _said(wanted: DeclineFilter, kept: Mapping[str, str], *, is_cut: bool) -> str:
    last = wanted.before - timedelta(microseconds=1) if wanted.before else None
    parts = ["The commonest codes" if is_cut else "All codes", _months(wanted, last)]
    if set(kept) - _FOLLOWED:
        parts.append("; not narrowed by your other filters")
    return "".join(parts) + "."


def _months(wanted: DeclineFilter, last: datetime | None) -> str:
    first = wanted.since
    if first is None and last is None:
        return " of all time"
    if first and last and f"{first:%Y-%m}" == f"{last:%Y-%m}":
        return f" of the whole month {first:%B %Y} (UTC)"
    since = f" from {first:%B %Y}" if first else ""
    until = f" to {last:%B %Y}" if last else " on"
    return f"{since}{until}, whole months (UTC)"
