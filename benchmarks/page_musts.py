"""What the pages must reach, each figure beside its must."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FIRST = "subscriptions, first page"
DEEP = "subscriptions, deep page"
FIRST_DECLINES, DEEP_DECLINES = "declines, first page", "declines, deep page"
LIMIT = "limit: keyset SQL, plain template"
DASHBOARD = "dashboard"
# The pages that a filter narrows are named "..., by ...".
_BY, _SEARCH = ", by ", "search"

Times = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Taken:
    """Pages of one database, in milliseconds by the name of the page."""

    kind: str
    size: int
    times: Times

    @property
    def name(self) -> str:
        return f"{self.kind} {self.size:,}"

    def p50(self, page: str) -> float:
        return statistics.median(self.times[page])

    def p95(self, page: str) -> float:
        taken = sorted(self.times[page])
        return taken[max(int(len(taken) * 0.95) - 1, 0)]


def musts(all_taken: Sequence[Taken]) -> list[tuple[str, str, float, float]]:
    """Database, what is measured, its figure, and what it must not exceed."""
    found = []
    for taken in all_taken:
        found += [(taken.name, *each) for each in _of_one(taken)]
        smaller = [
            each
            for each in all_taken
            if each.kind == taken.kind and each.size < taken.size
        ]
        if smaller:
            least = min(smaller, key=lambda each: each.size)
            for page in (FIRST, FIRST_DECLINES):
                ratio = taken.p50(page) / least.p50(page)
                found.append((taken.name, f"{page} / of {least.size:,}", ratio, 1.2))
    return found


def _of_one(taken: Taken) -> list[tuple[str, float, float]]:
    first, declines = taken.p50(FIRST), taken.p50(FIRST_DECLINES)
    filtered = max(
        (page for page in taken.times if page.startswith("subs") and _BY in page),
        key=taken.p50,
    )
    searched = max(
        (page for page in taken.times if page.startswith(_SEARCH)), key=taken.p95
    )
    return [
        ("first page / limit", first / taken.p50(LIMIT), 3.5),
        ("first page, p95 in ms", taken.p95(FIRST), 15),
        ("deep page / first", taken.p50(DEEP) / first, 1.2),
        ("declines, deep / first", taken.p50(DEEP_DECLINES) / declines, 1.2),
        (f"{filtered} / first", taken.p50(filtered) / first, 1.3),
        (f"{searched}, p95 in ms", taken.p95(searched), 30),
        ("dashboard, p95 in ms", taken.p95(DASHBOARD), 50),
    ]
