"""One line for SQLite's one writer: who asks first writes first.

SQLAlchemy's own pool wakes a waiter but lets whoever is running take the connection
again: measured, one thread that writes without pause kept another out for 60 s.
Here the connection is handed on, in order of arrival; the webhook inbox, whose
callers are waiting for an answer, goes to the front.
"""

import threading
from collections import deque
from contextvars import ContextVar
from typing import Any

from sqlalchemy import exc
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

# Set by a thread that goes to the front of the line. It must leave room between its
# turns for everyone else, as a writer that commits whole batches does.
goes_first: ContextVar[bool] = ContextVar("goes_first", default=False)


class Line:
    """A lock that is handed to the longest waiting, or to one who goes first."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    def __len__(self) -> int:
        """How many are waiting."""
        return len(self._waiting)

    def take(self, timeout: float, *, first: bool = False) -> bool:
        """Wait for the turn; False when `timeout` seconds pass before it comes."""
        with self._gate:
            if not self._taken:
                self._taken = True
                return True
            turn = threading.Lock()
            turn.acquire()
            if first:
                self._waiting.appendleft(turn)
            else:
                self._waiting.append(turn)
        return turn.acquire(timeout=timeout) or not self._gave_up(turn)

    def hand_on(self) -> None:
        """End the turn: the next in line has it from now on."""
        with self._gate:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False

    def _gave_up(self, turn: threading.Lock) -> bool:
        with self._gate:
            try:
                self._waiting.remove(turn)
            except ValueError:
                return False  # the turn came at the last moment
            return True


class OneInLine(QueuePool):
    """The pool of the one connection that writes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.line = Line()

    def _do_get(self) -> ConnectionPoolEntry:
        if not self.line.take(self._timeout, first=goes_first.get()):
            raise exc.TimeoutError(f"no turn to write within {self._timeout:.0f} s")
        try:
            return super()._do_get()
        except BaseException:
            self.line.hand_on()
            raise

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        try:
            super()._do_return_conn(record)
        finally:
            self.line.hand_on()
