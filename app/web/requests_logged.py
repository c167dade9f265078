"""Each request's id, and a line in the log when it is answered.

Deliveries of Stripe do not come by here: at fifty a second a line each would be most of
the log; /metrics counts them, and what goes wrong with one is logged.
"""

import logging
import re
import time

from flask import Flask, Response, current_app, g, request

from app import current, logs

log = logging.getLogger(__name__)

HEADER = "X-Request-Id"
# What a proxy may call a request; anything else is not written into our log.
_AN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_QUIET = frozenset({"static", "health.alive", "health.ready", "metrics.show"})


def register(app: Flask) -> None:
    """Give every request of `app` an id; to be the first that sees it."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def request_id() -> str:
    """The id of this request, for people to tell us."""
    return logs.doing.get()


def _begin() -> None:
    g.began = time.perf_counter()
    is_proxied = current.config().trusted_proxies > 0
    given = request.headers.get(HEADER, "") if is_proxied else ""
    g.doing = logs.doing.set(given if _AN_ID.fullmatch(given) else logs.new_id())


def _end(response: Response) -> Response:
    response.headers[HEADER] = logs.doing.get()
    if request.endpoint in _QUIET:
        return response
    seconds = time.perf_counter() - g.began
    current_app.extensions["meters"].page(response.status_code, seconds)
    log.info(
        "answered",
        extra={
            "method": request.method,
            # Not the address: it may hold a customer's name, or a one-time link.
            "route": str(request.url_rule) if request.url_rule else None,
            "status": response.status_code,
            "ms": round(seconds * 1000, 1),
            # Never what stands in the cookie: that is what lets one in.
            "user": g.signed_in.user_id if "signed_in" in g and g.signed_in else None,
        },
    )
    return response


def _forget(_fault: BaseException | None) -> None:
    token = g.pop("doing", None)
    if token is not None:
        logs.doing.reset(token)
