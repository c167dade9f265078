"""How often a password may be tried.

Kept in memory, bounded, per process: a failed sign-in must cost the database nothing,
for webhooks need its one writer. A restart forgets; that helps a guesser by one round.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv6Address, ip_address
from typing import cast

from flask import current_app

_WINDOW_SECONDS = 15 * 60
_MOST_KEYS = 20_000

# Failures allowed in a window. A browser that signed in before stands apart from the
# rest of the world, so a guesser never locks the owner out.
_PER_DEVICE = 10
_PER_PAIR = 5
_PER_ADDRESS = 30
_PER_ACCOUNT = 60

Key = tuple[str, ...]


@dataclass(slots=True)
class _Count:
    since: float
    failures: int = 0


class Throttle:
    """Counts failures per account, address and device, and says how long to wait."""

    def __init__(self) -> None:
        self._counts: OrderedDict[Key, _Count] = OrderedDict()
        self._lock = threading.Lock()

    def wait_seconds(
        self, email: str, address: str | None, *, device: str | None, now: datetime
    ) -> int:
        """0 when a try is allowed, else the seconds until the next one."""
        at = now.timestamp()
        with self._lock:
            waits = [
                count.since + _WINDOW_SECONDS - at
                for key, limit in _keys(email, address, device)
                if (count := self._counts.get(key)) and count.failures >= limit
            ]
        return max([int(wait) + 1 for wait in waits if wait > 0], default=0)

    def count_failure(
        self, email: str, address: str | None, *, device: str | None, now: datetime
    ) -> None:
        """Remember one wrong password."""
        at = now.timestamp()
        with self._lock:
            for key, _ in _keys(email, address, device):
                count = self._counts.get(key)
                if count is None or at - count.since >= _WINDOW_SECONDS:
                    count = self._counts[key] = _Count(since=at)
                count.failures += 1
                self._counts.move_to_end(key)
            while len(self._counts) > _MOST_KEYS:
                self._counts.popitem(last=False)

    def forget(self, email: str, address: str | None, *, device: str | None) -> None:
        """The right password was given: this account's failures here are forgiven."""
        with self._lock:
            for key, _ in _keys(email, address, device):
                if key[0] in {"device", "pair"}:
                    self._counts.pop(key, None)


def tries() -> Throttle:
    """The counts of this process."""
    kept = current_app.extensions.setdefault("password_tries", Throttle())
    return cast(Throttle, kept)


def _keys(email: str, address: str | None, device: str | None) -> list[tuple[Key, int]]:
    if device:
        return [(("device", email, device), _PER_DEVICE)]
    where = _network(address)
    return [
        (("pair", email, where), _PER_PAIR),
        (("address", where), _PER_ADDRESS),
        (("account", email), _PER_ACCOUNT),
    ]


def _network(address: str | None) -> str:
    """One household: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        known = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(known, IPv6Address):
        return str(int(known) >> 64)
    return str(known)
