"""Everything the sandbox knows, and the loop that lets time pass."""

import json
import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.sandbox.accounts import Account
from app.sandbox.clock import Schedule, wall_clock, write_clock
from app.sandbox.errors import Obj, invalid
from app.sandbox.ids import Ids
from app.sandbox.permissions import Keyring
from app.sandbox.tables import Book

# An action that is due by itself: the world, the book it belongs to, its details.
Action = Callable[["World", Book, Obj], None]
ACTIONS: dict[str, Action] = {}


def by_itself(action: Action) -> Action:
    """Register what the schedule may call by the function's name."""
    ACTIONS[action.__name__] = action
    return action


@dataclass(slots=True)
class DeliverySettings:
    """How badly webhooks travel; chances are between 0 and 1."""

    mode: str = "send"  # "hold" keeps them until they are taken by hand
    duplicates: float = 0.0
    drop: float = 0.0
    shuffle: bool = False
    delay: tuple[int, int] = (0, 0)  # sandbox seconds, from and to
    workers: int = 1
    timeout: float = 10.0  # real seconds until an endpoint counts as silent


@dataclass(slots=True)
class Made:
    """Who causes what happens now: an API call, a person, or Stripe by itself."""

    by: str = "stripe"
    request_id: str | None = None
    idempotency_key: str | None = None
    api_key: str | None = None


@dataclass
class World:
    seed: int = 0
    now: int = field(default_factory=wall_clock)
    clock_file: Path | None = None
    base_url: str = "https://invoice.stripe.com"  # where customers' pages are
    speed: float = 0.0  # sandbox hours that pass in a real second by themselves
    accounts: dict[str, Account] = field(default_factory=dict)
    keyring: Keyring = field(default_factory=Keyring)
    schedule: Schedule = field(default_factory=Schedule)
    delivery: DeliverySettings = field(default_factory=DeliverySettings)
    made: Made = field(default_factory=Made)
    ledger: list[Obj] = field(default_factory=list)
    outbox: list[Any] = field(default_factory=list)
    held: list[Any] = field(default_factory=list)
    deliveries: list[Any] = field(default_factory=list)
    scripts: dict[str, Obj] = field(default_factory=dict)
    causes: dict[str, list[Obj]] = field(default_factory=dict)
    faults: list[Any] = field(default_factory=list)
    pages: dict[str, Obj] = field(default_factory=dict)
    oauth_codes: dict[str, Obj] = field(default_factory=dict)
    stored_results: dict[tuple[str, bool, str], Any] = field(default_factory=dict)
    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    recent_calls: deque[Obj] = field(default_factory=lambda: deque(maxlen=2000))

    def __post_init__(self) -> None:
        self.ids = Ids(self.seed)
        self.random = random.Random(f"world-{self.seed}")  # noqa: S311
        self.lock = threading.RLock()
        self.one_pump = threading.Lock()
        self.wake = threading.Event()
        self.clock_written = 0

    def account(self, account_id: str) -> Account:
        """Return the account, or raise a 404 for the control plane."""
        found = self.accounts.get(account_id)
        if found is None:
            raise invalid(f"No such account: '{account_id}'", status=404)
        return found

    def account_of(self, book: Book) -> Account:
        return self.accounts[book.account_id]

    def later(self, book: Book, at: int, action: str, /, **details: object) -> None:
        """Put an action on the schedule, by the name it is registered under."""
        where = (book.account_id, book.livemode)
        self.schedule.put(at, action, {**details, "where": where})
        if at <= self.now:
            self.wake.set()

    def do_next(self, *, until: int) -> bool:
        """Do the first thing that is due by `until`; say whether there was one."""
        due = self.schedule.take(until=until)
        if due is None:
            return False
        self.now = max(self.now, due.at)
        account_id, livemode = due.details["where"]
        book = self.accounts[account_id].book(livemode=livemode)
        ACTIONS[due.action](self, book, due.details)
        return True

    def add_page(self, book: Book, **about: object) -> str:
        """Return the token of a page for a customer."""
        token = self.ids.text(40)
        where = {"account": book.account_id, "livemode": book.livemode}
        self.pages[token] = {**where, **about}
        return token

    def set_clock(self, at: int) -> None:
        """Move the clock forward and tell those who read its file."""
        self.now = max(self.now, at)
        if self.clock_file and self.now != self.clock_written:
            write_clock(self.clock_file, self.now)
            self.clock_written = self.now

    @contextmanager
    def made_by(self, made: Made) -> Iterator[None]:
        """Let what happens inside be known as caused by this."""
        before, self.made = self.made, made
        try:
            yield
        finally:
            self.made = before


def copied(value: Any) -> Any:
    """Return a deep copy of plain JSON values; quicker than copy.deepcopy."""
    return json.loads(json.dumps(value))
