import threading
import time
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import exc, text

from app.extensions import db
from app.storage.line import Line
from app.storage.transaction import transaction

SOON = 5.0  # seconds no healthy machine needs

pytestmark = pytest.mark.sqlite


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON
    while not is_so():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.001)


def _join_line(line: Line, name: str, served: list[str], *, first: bool) -> None:
    def turn() -> None:
        assert line.take(SOON, first=first)
        served.append(name)
        line.hand_on()

    ahead = len(line)
    threading.Thread(target=turn).start()
    until(lambda: len(line) > ahead)


def test_the_line_is_served_in_order_of_arrival_but_the_inbox_goes_first() -> None:
    line = Line()
    served: list[str] = []
    assert line.take(SOON)
    for name in ("one", "two", "three"):
        _join_line(line, name, served, first=False)
    _join_line(line, "inbox", served, first=True)
    line.hand_on()
    until(lambda: len(served) == 4)
    assert served == ["inbox", "one", "two", "three"]


def test_who_gave_up_waiting_is_not_served() -> None:
    line = Line()
    assert line.take(SOON)
    assert not line.take(0.001)
    line.hand_on()
    assert line.take(SOON)


def test_a_busy_writer_keeps_nobody_out(app: Flask) -> None:
    stop = threading.Event()

    def write_without_pause() -> None:
        with app.app_context():
            while not stop.is_set():
                _write_something()

    busy = threading.Thread(target=write_without_pause)
    busy.start()
    try:
        began = time.monotonic()
        for _ in range(20):
            _write_something()
        assert time.monotonic() - began < SOON
    finally:
        stop.set()
        busy.join()


def test_a_turn_that_never_comes_is_an_error_and_harms_no_later_one(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = db.engines["writer"]
    monkeypatch.setattr(engine.pool, "_timeout", 0.01)
    with (
        engine.connect(),
        pytest.raises(exc.TimeoutError, match="no turn"),
        engine.connect(),
    ):
        pass
    _write_something()


def _write_something() -> None:
    with transaction() as session:
        session.execute(text("UPDATE stripe_account SET is_on = is_on"))
