"""`POST /webhooks/stripe...`: Stripe's deliveries, kept before they are answered.

They are answered before Flask is asked: no session, no form and no page concerns them,
and what those cost (0.15 ms of 1 ms) is a seventh of what one process can take in.
"""

import logging
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug import Request, Response
from werkzeug.exceptions import RequestEntityTooLarge

from app import current
from app.meters import Meters
from app.services import deliveries
from app.services.inbox import NotStored
from app.stripe_gateway import BadSignature, NotAnEvent

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ADDRESS = "/webhooks/stripe"
LARGEST = 1_000_000  # bytes
NOT_STORED = "not stored; send it again"
# Seconds a page waits for the one before it while deliveries are being answered. Python
# computes one thing at a time: pages side by side are no sooner done, and each takes
# its share from the deliveries. It is an end, for a page may itself wait for Stripe.
PATIENCE = 0.25
# Seconds at most that the next page waits after such a page, as long as that one took:
# deliveries have that to themselves.
LONGEST_REST = 0.02

log = logging.getLogger(__name__)


class WebhookDoor:
    """Answers deliveries itself and lets everything else in to the pages."""

    def __init__(self, app: Flask, inside: "WSGIApplication") -> None:
        self._app = app
        self._inside = inside
        self._under_way = 0  # deliveries
        self._page = threading.Lock()
        self._rested_at = 0.0
        self._counting = threading.Lock()
        self._meters: Meters = app.extensions["meters"]

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path != ADDRESS and not path.startswith(f"{ADDRESS}/"):
            return self._let_in(environ, start_response)
        began = time.perf_counter()
        with self._counting:
            self._under_way += 1
        try:
            # The environment does not hold the request: it goes when it is answered.
            request = Request(environ, populate_request=False)
            answer = self._answer(request, path[len(ADDRESS) + 1 :])
        finally:
            with self._counting:
                self._under_way -= 1
        self._meters.delivery(answer.status_code, time.perf_counter() - began)
        return answer(environ, start_response)

    def _let_in(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """The page; one at a time, with rests, while deliveries are under way."""
        has_turn = bool(self._under_way) and self._page.acquire(timeout=PATIENCE)
        if not has_turn:
            return self._inside(environ, start_response)
        try:
            time.sleep(max(0.0, self._rested_at - time.monotonic()))
            began = time.monotonic()
            try:
                return self._inside(environ, start_response)
            finally:
                ended = time.monotonic()
                self._rested_at = ended + min(LONGEST_REST, ended - began)
        finally:
            self._page.release()

    def _answer(self, request: Request, connection_key: str) -> Response:
        request.max_content_length = LARGEST
        if request.method != "POST":
            return _said(405, "only deliveries are taken here")
        try:
            with self._app.app_context():
                _receive(request, connection_key)
        except deliveries.NoSuchAddress:
            return _said(404, "nobody is connected at this address")
        except RequestEntityTooLarge:
            return _said(413, "larger than any event")
        except (BadSignature, NotAnEvent) as fault:
            return _said(400, str(fault))
        except NotStored:
            return _said(503, NOT_STORED)
        except Exception:
            log.exception("a delivery was not stored")
            return _said(503, NOT_STORED)
        return _said(200, "stored")


def register(app: Flask) -> None:
    """Put the door before the pages of `app`."""
    app.wsgi_app = WebhookDoor(app, app.wsgi_app)  # type: ignore[method-assign]


def _receive(request: Request, connection_key: str) -> None:
    # The signature is over the bytes as they came.
    body, signature = request.get_data(), request.headers.get("Stripe-Signature")
    now = current.now()
    if connection_key:
        deliveries.receive_for_key(connection_key, body, signature, now=now)
    else:
        deliveries.receive_for_platform(body, signature, now=now)


def _said(status: int, sentence: str) -> Response:
    return Response(f"{sentence}\n", status, mimetype="text/plain")
