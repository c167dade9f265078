"""Pages give way to deliveries, and are never kept for long."""

import threading
import time
from collections.abc import Iterable

import pytest
from flask import Flask
from werkzeug.test import Client

from app.web.webhooks import WebhookDoor

SOON = 5.0  # seconds no healthy machine needs


class Pages:
    """An application whose pages take until they are let go."""

    def __init__(self) -> None:
        self.inside = 0
        self.most = 0
        self.go = threading.Event()
        self._gate = threading.Lock()

    def __call__(self, environ: object, start_response: object) -> Iterable[bytes]:
        with self._gate:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.go.wait(SOON)
        with self._gate:
            self.inside -= 1
        start_response("200 OK", [])  # type: ignore[operator]
        return [b"a page"]


def ask(door: WebhookDoor, *, times: int) -> list[threading.Thread]:
    asking = [
        threading.Thread(target=lambda: Client(door).get("/")) for _ in range(times)
    ]
    for one in asking:
        one.start()
    return asking


def until_inside(pages: Pages, many: int, *, within: float = SOON) -> bool:
    end = time.monotonic() + within
    while pages.inside < many and time.monotonic() < end:
        time.sleep(0.002)
    return pages.inside >= many


def test_pages_are_made_side_by_side_while_nothing_is_delivered(app: Flask) -> None:
    pages = Pages()
    asking = ask(WebhookDoor(app, pages), times=3)
    assert until_inside(pages, 3)
    pages.go.set()
    for one in asking:
        one.join(SOON)


def test_pages_go_one_by_one_while_deliveries_are_answered(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.webhooks.PATIENCE", SOON)
    pages = Pages()
    door = WebhookDoor(app, pages)
    door._under_way = 1
    asking = ask(door, times=3)
    assert until_inside(pages, 1)
    assert not until_inside(pages, 2, within=0.2)
    pages.go.set()
    for one in asking:
        one.join(SOON)
    assert pages.most == 1


def test_a_page_that_takes_long_does_not_keep_the_others(app: Flask) -> None:
    pages = Pages()
    door = WebhookDoor(app, pages)
    door._under_way = 1
    asking = ask(door, times=2)
    assert until_inside(pages, 2)
    pages.go.set()
    for one in asking:
        one.join(SOON)
