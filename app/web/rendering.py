"""Pages and fragments: one template file each, one place that chooses."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask import (
    Blueprint,
    Response,
    current_app,
    g,
    make_response,
    render_template,
    request,
)
from flask_wtf.csrf import generate_csrf
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

bp = Blueprint("rendering", __name__)  # no routes: it lends functions to templates


def render(
    page: str, *, fragment: str | None = None, status: int = 200, **context: Any
) -> Response:
    """`fragment` when htmx asks for a part of a page, else the whole `page`."""
    template = fragment if fragment and wants_fragment() else page
    text = render_template(template, csrf_token=_csrf_token, **context)
    response = make_response(text, status)
    response.vary.add("HX-Request")
    return response


def _csrf_token() -> str:
    """The token of this request: a page has five of them, and each time
    generate_csrf() would build what signs it."""
    if "csrf_token" not in g:
        generate_csrf()  # which keeps it there
    return str(g.csrf_token)


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


@bp.app_template_global()
def made_once(name: str, **values: Any) -> Markup:
    """The template `name`, made of these values, `kept` among them, and the request's
    path alone: what stands above a list, and changes with its filters only."""
    return _made(_Piece(request.path, name, values))


@dataclass(frozen=True, slots=True)
class _Piece:
    path: str
    name: str
    values: dict[str, Any]

    def __hash__(self) -> int:
        # Enough to tell most apart; some values can be compared, and not hashed.
        return hash((self.path, self.name, str(self.values["kept"])))


@lru_cache(maxsize=64)  # the same few questions are asked over and over
def _made(piece: _Piece) -> Markup:
    template = current_app.jinja_env.get_template(piece.name)
    return Markup(template.render(piece.values))  # noqa: S704
