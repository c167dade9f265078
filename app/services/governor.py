"""Keeps our calls under Stripe's limits, and leaves the merchant most of them.

Stripe takes 100 calls a second from one live account and 25 from a sandbox's, 25 at one
address of its API (https://docs.stripe.com/rate-limits, 2026). The merchant's own shop
lives on the same limits: of the whole we take at most four tenths, of one address half.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Flask, current_app

from app.config import STRIPE_API_BASE, Config


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls a second: of one account in all, at one address, and charges among them."""

    calls: float
    at_one_address: float
    charges: int


LIVE = Limits(calls=40.0, at_one_address=12.0, charges=12)
TEST = Limits(calls=10.0, at_one_address=6.0, charges=3)
# A stand-in for Stripe has no other visitors.
CHARGES_AT_A_STAND_IN = 20
# It is checked whether a charge may still be made right before it: it must not wait
# after that. Its pace is kept where charges begin.
NEVER_WAITS = "pay"


@dataclass(slots=True)
class Held:
    """What had to wait since this process began."""

    calls: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class _Pace:
    """So many a second; a second's worth may go at once."""

    rate: float
    next_at: float = 0.0

    def reserve(self, now: float) -> float:
        """Take the next turn; in how many seconds it comes."""
        turn = max(self.next_at, now - (self.rate - 1) / self.rate)
        self.next_at = turn + 1 / self.rate
        return max(0.0, turn - now)


@dataclass(slots=True)
class Governor:
    """One per application. `is_real`: whether it is Stripe that is called."""

    is_real: bool
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _paces: dict[tuple[int, str], _Pace] = field(default_factory=dict)
    _held: defaultdict[int, Held] = field(default_factory=lambda: defaultdict(Held))

    def charges_a_second(self, *, livemode: bool) -> int:
        """How many charges of one account may begin within a second."""
        if not self.is_real:
            return CHARGES_AT_A_STAND_IN
        return (LIVE if livemode else TEST).charges

    def wait(self, account_id: int, name: str, *, livemode: bool) -> None:
        """Wait until the account has room for one more call of this name."""
        if not self.is_real:
            return
        limits = LIVE if livemode else TEST
        with self._lock:
            now = self.clock()
            seconds = max(
                self._pace(account_id, "", limits.calls).reserve(now),
                self._pace(account_id, name, limits.at_one_address).reserve(now),
            )
            if seconds <= 0 or name == NEVER_WAITS:
                return
            self._held[account_id].calls += 1
            self._held[account_id].seconds += seconds
        self.sleep(seconds)

    def held(self, account_id: int) -> Held:
        """What had to wait of this account."""
        with self._lock:
            found = self._held.get(account_id, Held())
            return Held(found.calls, found.seconds)

    def all_held(self) -> dict[int, Held]:
        """The same of all accounts of which anything had to wait."""
        with self._lock:
            return {id: Held(h.calls, h.seconds) for id, h in self._held.items()}

    def _pace(self, account_id: int, name: str, rate: float) -> _Pace:
        return self._paces.setdefault((account_id, name), _Pace(rate))


def register(app: Flask, config: Config) -> None:
    """Give the application its governor."""
    is_real = config.stripe_api_base == STRIPE_API_BASE
    app.extensions["metricsco.governor"] = Governor(is_real)


def governor() -> Governor:
    """The governor of the current application."""
    found: Governor = current_app.extensions["metricsco.governor"]
    return found
