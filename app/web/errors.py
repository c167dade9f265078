"""Error pages: what happened, and what to do now."""

import logging

from flask import Flask, Response
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from app.passwords import TooBusy
from app.web.rendering import render
from app.web.requests_logged import request_id

log = logging.getLogger(__name__)

# Status: heading, what to do. A sentence given to abort() stands above it.
PAGES = {
    400: ("This could not be read", "Go back, reload the page and try again."),
    403: ("Not yours to open", "Ask an owner of this panel if you need it."),
    404: ("Not found", "Check the address, or start from the dashboard."),
    405: ("Not possible here", "Go back and use the buttons of the page."),
    413: ("Too large", "Send less at once."),
    422: ("Something does not fit", "Go back, correct it and send it again."),
    429: ("Too many tries", "Wait a while, then try again."),
    500: ("Something broke on our side", "It has been logged. Try again in a minute."),
    503: ("Busy for a moment", "Nothing was changed. Try again in a minute."),
}


def register(app: Flask) -> None:
    """Answer every error with a page."""
    app.register_error_handler(CSRFError, _form_expired)
    app.register_error_handler(HTTPException, _page)
    app.register_error_handler(TooBusy, lambda _: error_page(503))
    app.register_error_handler(OperationalError, _database_trouble)
    app.register_error_handler(Exception, _broke)


def error_page(status: int, sentence: str | None = None) -> Response:
    """The page for `status`; htmx gets a notice that stands above its page."""
    heading, advice = PAGES.get(status, PAGES[400 if status < 500 else 500])
    response = render(
        "errors/error.html",
        fragment="errors/_error.html",
        status=status,
        code=status,
        bare=status >= 500,  # its frame asks the database, which may be the trouble
        heading=heading,
        sentence=sentence,
        advice=advice,
        request_id=request_id(),
    )
    response.headers["HX-Retarget"] = "#notices"
    response.headers["HX-Reswap"] = "innerHTML"
    return response


def _page(fault: HTTPException) -> Response:
    own_words = fault.description != type(fault).description
    response = error_page(fault.code or 500, fault.description if own_words else None)
    for name, value in fault.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _form_expired(_fault: CSRFError) -> Response:
    return error_page(400, "This form is too old, or was not sent from this panel.")


def _database_trouble(fault: OperationalError) -> Response:
    log.error("the database did not answer: %s", fault.orig)
    return error_page(503)


def _broke(fault: Exception) -> Response:
    log.exception("a page broke", exc_info=fault)
    return error_page(500)
