"""Pages and fragments: one template file each, one place that chooses."""

from typing import Any

from flask import Response, make_response, render_template, request


def render(
    page: str, *, fragment: str | None = None, status: int = 200, **context: Any
) -> Response:
    """`fragment` when htmx asks for a part of a page, else the whole `page`."""
    template = fragment if fragment and wants_fragment() else page
    response = make_response(render_template(template, **context), status)
    response.vary.add("HX-Request")
    return response


def wants_fragment() -> bool:
    """Whether htmx will swap the answer into the page that stands."""
    asked = request.headers
    return (
        asked.get("HX-Request") == "true"
        and asked.get("HX-Boosted") != "true"
        and asked.get("HX-History-Restore-Request") != "true"
    )
