"""Pages and fragments: one template file each, one place that chooses."""

from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

bp = Blueprint("rendering", __name__)  # no routes: it lends a function to templates


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


@bp.app_template_global()
@pass_context
def in_one_piece(context: Context, name: str) -> Markup:
    """The same as including the template `name`, for long ones: of what is included,
    each of thousands of pieces passes through every template around it."""
    template = context.environment.get_template(name)
    inner = template.new_context(context.get_all(), shared=True)
    return Markup("".join(template.root_render_func(inner)))  # noqa: S704
