"""The counts beside the history of declines, and a sentence on what they count."""

from collections.abc import Mapping
from dataclasses import dataclass

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
    first, last = kept.get("from"), kept.get("to")
    found = count_by_code(db.session(), wanted, first=first, last=last)
    codes = [
        CodeCount(
            code,
            int(declines),
            _address(kept, code, is_here=code == wanted.code),
            code == wanted.code,
        )
        for code, declines in found
    ]
    return Counts(codes, _said(kept, is_cut=len(codes) == MOST_CODES))


def _address(kept: Mapping[str, str], code: str, *, is_here: bool) -> str:
    """Where the link leads: to the code, or from it back to all codes."""
    return address(kept, but=("code",)) if is_here else address({**kept, "code": code})


def _said(kept: Mapping[str, str], *, is_cut: bool) -> str:
    since = f" from {kept['from']}" if "from" in kept else ""
    until = f" to {kept['to']}" if "to" in kept else ""
    days = f"{since}{until}, days in UTC" if since or until else " of all time"
    parts = ["The commonest codes" if is_cut else "All codes", days]
    if set(kept) - _FOLLOWED:
        parts.append("; not narrowed by your other filters")
    return "".join(parts) + "."
